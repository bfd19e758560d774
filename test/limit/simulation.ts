// weir's lanes and buckets against an exact limiter, over a network that delays, reorders and stalls, in virtual time.

import { Presence } from '../../src/core/presence.ts'
import type { EndpointClass } from '../../src/core/rules.ts'
import { Lanes } from '../../src/limit/lanes.ts'
import { MemoryStore } from '../../src/limit/memory.ts'
import type { Take } from '../../src/limit/store.ts'
import type { Counter } from '../support/exchange/counters.ts'
import { FakeClock, settled } from '../support/fake-clock.ts'

/** One limit, as weir believes it to be and as the exchange keeps it. */
export interface Limit {
  readonly take: Omit<Take, 'cost'>
  readonly counter: Counter
}

/** One call of the load: when the bot makes it, and what it costs in each limit (by index). */
export interface Load {
  readonly atMs: number
  readonly bot: string
  readonly costs: ReadonlyMap<number, number>
}

/** The network between weir and the exchange. */
export interface Network {
  readonly baseMs: number
  /** One-way delay on top, for the n-th crossing. */
  readonly jitterMs: (crossing: number) => number
  /** Nothing arrives between these moments; it all arrives together at the end. */
  readonly stall?: { readonly fromMs: number; readonly toMs: number }
}

/** What happened. */
export interface Outcome {
  readonly violations: number
  readonly served: number
  readonly refused: number
  /** When the last call was accepted by the exchange, less the constant delay. */
  readonly lastAcceptedMs: number
}

/** Sends the whole load through weir's lanes; every wait is allowed. */
export const simulate = async (limits: readonly Limit[], load: readonly Load[], network: Network): Promise<Outcome> => {
  const clock = new FakeClock()
  const store = new MemoryStore(clock, () => 1)
  const lanes = new Lanes({ store, clock, maxQueueBytes: () => 1e9, tell: () => {} })
  const outcome = { violations: 0, served: 0, refused: 0, lastAcceptedMs: 0 }
  let crossings = 0
  const cross = (task: () => void): void => {
    crossings += 1
    const arrival = clock.now() + network.baseMs + network.jitterMs(crossings)
    const { stall } = network
    const at = stall !== undefined && arrival >= stall.fromMs && arrival < stall.toMs ? stall.toMs : arrival
    clock.after(at - clock.now(), task)
  }
  const travel = async ({ bot, costs }: Load): Promise<void> => {
    const takes = [...costs].map(([index, cost]) => ({ ...limitAt(limits, index).take, cost }))
    const lane = lanes.lane(takes.map(({ key }) => key).join(' '), FAIR)
    const pass = await lane.enter({ ...TICKET, takes, bot, presence: new Presence() }, 1e9)
    cross(() => {
      const rulings = [...costs].map(([index, cost]) => limitAt(limits, index).counter.arrive(cost, clock.now()).ok)
      if (rulings.includes(false)) outcome.violations += 1
      else outcome.served += 1
      outcome.lastAcceptedMs = clock.now() - network.baseMs
      cross(() => pass.close('spent', true))
    })
  }
  for (const call of load) clock.after(call.atMs, () => void travel(call).catch(() => (outcome.refused += 1)))
  const answered = () => outcome.served + outcome.violations + outcome.refused
  for (let guard = 0; answered() < load.length && guard < 1e5; guard += 1) await clock.pass(1000)
  await settled()
  return outcome
}

/** The least time in which an omniscient sender could have had all of a backlog accepted. */
export const idealMs = (
  limits: readonly { readonly capacity: number; readonly perMs: number }[],
  load: readonly Load[],
): number =>
  Math.max(
    ...limits.map(({ capacity, perMs }, index) => {
      const sum = load.reduce((total, { costs }) => total + (costs.get(index) ?? 0), 0)
      return Math.max(0, sum - capacity) / perMs
    }),
  )

const limitAt = (limits: readonly Limit[], index: number): Limit => {
  const limit = limits[index]
  if (limit === undefined) throw new RangeError(`no limit ${index}`)
  return limit
}

const TICKET = {
  held: true,
  rank: 0,
  nonce: undefined,
  bytes: 0,
  maxWaitMs: 1e9,
  tooLate: 'limit_reached',
  host: 'exchange.test',
} as const

const FAIR = {
  id: 'test.class',
  name: 'class',
  lane: 'fair',
  maxQueue: 1e9,
  exchange: { name: 'test' },
} as EndpointClass
