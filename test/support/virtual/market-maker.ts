// A market maker: on each of its pairs it places orders as fast as it may, and takes each back at another age, so that
// every step of Kraken's table of prices is met, over and over.

import type { Clock } from '../../../src/core/clock.ts'
import type { Post } from '../../system/sign.ts'
import type { Asked } from '../asked.ts'
import { pause, served } from './errands.ts'
import { restingOrder } from './mixes.ts'
import type { Way } from './way.ts'

/** One for each step of the price of a cancel: below 5, 10, 15, 45, 90 and 300 s, and above. */
const LIVES_MS = [2_000, 7_000, 12_000, 30_000, 60_000, 120_000, 310_000]
/** Below the number of open orders that the lowest tier may have on a pair. */
const MOST_OPEN = 50
const BRIEFLY_MS = 250

export interface MakerParts {
  readonly clock: Clock
  readonly way: Way
  readonly post: Post
  readonly pairs: readonly string[]
  /** When it stops, in ms of the clock. */
  readonly untilMs: number
}

/** Works until its time is over; orders that are still open then stay. Resolves with how many orders it has cancelled. */
export const makeMarket = async ({ clock, way, post, pairs, untilMs }: MakerParts): Promise<number> => {
  let cancelled = 0
  const cancels: Promise<void>[] = []
  const insist = async (ask: () => Asked): Promise<unknown> => {
    while (clock.now() < untilMs) {
      const answer = await way(ask(), 'maker')
      if (served(answer)) return answer.json
      await pause(clock, Math.max(answer.retryAfterMs, BRIEFLY_MS))
    }
    return undefined
  }
  const quote = async (pair: string): Promise<void> => {
    let open = 0
    for (let turn = 0; clock.now() < untilMs; turn += 1) {
      if (open >= MOST_OPEN) {
        await pause(clock, BRIEFLY_MS)
        continue
      }
      const json = (await insist(() => restingOrder(post, pair))) as { result?: { txid?: [string] } } | undefined
      const txid = json?.result?.txid?.[0]
      if (txid === undefined) continue
      open += 1
      const takeBack = async (): Promise<void> => {
        const done = await insist(() => post('CancelOrder', { txid }))
        open -= 1
        if (done !== undefined) cancelled += 1
      }
      clock.after(LIVES_MS[turn % LIVES_MS.length] ?? 0, () => void cancels.push(takeBack()))
    }
  }
  await Promise.all(pairs.map(quote))
  // Whoever closes the way now cuts off no cancel.
  await Promise.all(cancels)
  return cancelled
}
