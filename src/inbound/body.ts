// Reads a whole request body, bounded. It is read before the call starts: with unread bytes in front of it, Node sees
// neither FIN nor RST, and a bot that hung up would keep its place in the queue.

import type { Bytes } from '../core/units.ts'
import type { Incoming } from './message.ts'

/**
 * Calls `begin` unless the stated length is over the bound already; then, once, `done` with the body (undefined when it
 * turned out empty) or `tooLarge` as soon as the bound is passed. Neither when the bot leaves in the middle: nobody waits
 * for an answer then.
 */
export const readBody = (
  req: Incoming,
  most: Bytes,
  begin: () => void,
  done: (body: Buffer | undefined) => void,
  tooLarge: () => void,
): void => {
  if (Number(req.headers['content-length'] ?? 0) > most) return void tooLarge()
  begin()
  let first: Buffer | undefined
  let refused = false
  let more: Buffer[] | undefined
  let size = 0
  const take = (chunk: Buffer): void => {
    size += chunk.length
    if (size > most) {
      req.off('data', take)
      refused = true
      tooLarge()
    } else if (first === undefined) first = chunk
    else if (more === undefined) more = [first, chunk]
    else more.push(chunk)
  }
  req.on('data', take)
  req.on('end', () => {
    if (!refused) done(more === undefined ? first : Buffer.concat(more, size))
  })
}
