// Two sockets that are one conversation: neither outlives the other for long, whichever way it ends.

import type { Duplex } from 'node:stream'
import type { Clock } from '../core/clock.ts'
import type { Millis } from '../core/units.ts'

/**
 * Destroys one socket when the other breaks; when the other has ended in good order, what is still buffered may leave
 * first, for at most `lingerMs`. Calls `closed` once both are gone.
 */
export const tie = (a: Duplex, b: Duplex, clock: Clock, lingerMs: Millis, closed: () => void): void => {
  let open = 2
  const follow = (gone: Duplex, left: Duplex): void => {
    gone.on('close', () => {
      open -= 1
      if (open === 0) return closed()
      if (gone.readableEnded && left.writableEnded && !left.destroyed) clock.after(lingerMs, () => left.destroy())
      else left.destroy()
    })
    gone.on('error', () => gone.destroy())
  }
  follow(a, b)
  follow(b, a)
}
