// Bots that want something until they have it.

import type { Clock } from '../../../src/core/clock.ts'
import type { Asked } from '../asked.ts'
import type { Answered, Way } from './way.ts'

/** So many calls of one kind, this many of them under way or waiting at any time. */
export interface Errand {
  readonly bot: string
  readonly count: number
  readonly atOnce: number
  readonly ask: () => Asked
  /** The counter it spends from, with its scope, and how much. */
  readonly counter: string
  readonly cost: number
  /** Where ccxt keeps its own price for it. */
  readonly ccxt: readonly string[]
}

/** Makes one call of an errand. */
export type Make = (errand: Errand) => Promise<Answered>

/** Makes them all on one way. */
export const by =
  (way: Way): Make =>
  ({ ask, bot }) =>
    way(ask(), bot)

const BRIEFLY_MS = 1000
const MOST_TRIES = 50

/** Runs all errands side by side; resolves when every call has been served. A call that was refused is made again. */
export const run = async (clock: Clock, make: Make, errands: readonly Errand[]): Promise<void> => {
  const workers = errands.flatMap((errand) => {
    const crew = { errand, left: errand.count }
    // Spread evenly over the start, as if everybody came to the door together.
    return Array.from({ length: errand.atOnce }, (_, index) => ({ crew, place: (index + 0.5) / errand.atOnce }))
  })
  workers.sort((a, b) => a.place - b.place)
  await Promise.all(
    workers.map(async ({ crew }) => {
      while (crew.left > 0) {
        crew.left -= 1
        await insist(clock, () => make(crew.errand))
      }
    }),
  )
}

/** Makes a call until it is served. @throws when that does not end */
export const insist = async (clock: Clock, make: () => Promise<Answered>): Promise<Answered> => {
  let answer = await make()
  for (let tries = 1; !served(answer); tries += 1) {
    if (tries >= MOST_TRIES) throw new Error(`refused ${MOST_TRIES} times: ${JSON.stringify(answer)}`)
    await pause(clock, Math.max(answer.retryAfterMs, BRIEFLY_MS))
    answer = await make()
  }
  return answer
}

/** Kraken says it in `error`, Coinbase by status. */
export const served = ({ status, json }: Answered): boolean =>
  status === 200 && ((json as { error?: unknown[] } | undefined)?.error ?? []).length === 0

export const pause = (clock: Clock, ms: number): Promise<void> =>
  new Promise((resolve) => {
    clock.after(ms, resolve)
  })
