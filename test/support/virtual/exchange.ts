// The simulated exchanges without sockets: they judge a call at the very moment of virtual time at which it arrives, and
// their own ledger says how near to the limits a run has come.

import type { Clock } from '../../../src/core/clock.ts'
import { RULES as COINBASE_EXCHANGE } from '../exchange/coinbase-exchange.ts'
import { ENGINE_TIERS } from '../exchange/engine.ts'
import { type ExchangeOptions, makeVenues } from '../exchange/exchange.ts'
import { bodyBytes } from '../exchange/faults.ts'
import { seeded } from '../exchange/gate.ts'
import { type Call, Journal, type Spending } from '../exchange/journal.ts'
import { type CoinbaseKey, coinbaseKey, type KrakenKey } from '../exchange/keys.ts'
import { type KrakenTier, PRIVATE_TIERS } from '../exchange/kraken-limits.ts'

/** A request as it arrives. */
export interface Arrival {
  readonly host: string
  readonly method: string
  readonly target: string
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | undefined
  readonly ip: string
}

/** An answer as it leaves. */
export interface Departure {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** How near to one limit, or to the one that binds, a run has come. */
export interface Use {
  /** Least time in which anybody could have had so much accepted, and the time it took. */
  readonly leastMs: number
  readonly tookMs: number
  /** `leastMs / tookMs`; says nothing when there were violations. */
  readonly efficiency: number
}

export interface CounterUse extends Use {
  readonly counter: string
}

/** What a run came to. */
export interface Score extends Use {
  readonly violations: number
  /** Nonces, signatures and orders that the exchange turned away. */
  readonly rejected: number
}

export type VirtualExchangeOptions = Omit<ExchangeOptions, 'clock'> & {
  /** How far its clock is ahead of the bots' (negative: behind). */
  readonly skewMs?: number
  /** As set on Kraken keys: how far below the highest nonce a late one may lie. */
  readonly nonceWindow?: number
}

/** Kraken and Coinbase, at the end of a network. */
export class VirtualExchange {
  readonly kraken: ReturnType<typeof makeVenues>['kraken']
  readonly coinbaseExchange: ReturnType<typeof makeVenues>['exchange']
  readonly journal: Journal
  readonly #venues: ReturnType<typeof makeVenues>
  readonly #clock: Clock
  readonly #skewMs: number
  readonly #nonceWindow: number
  readonly #tier: KrakenTier

  constructor(clock: Clock, options: VirtualExchangeOptions = {}) {
    this.#clock = clock
    this.#skewMs = options.skewMs ?? 0
    this.#nonceWindow = options.nonceWindow ?? 0
    this.#tier = options.kraken?.tier ?? 'starter'
    this.journal = new Journal({ enforce: options.enforce ?? true, keep: 100_000 })
    const wall = () => clock.wall() + this.#skewMs
    const own = { now: () => clock.now(), wall, sleep: () => Promise.reject(new Error('venues do not sleep')) }
    this.#venues = makeVenues({ clock: own, journal: this.journal, random: seeded(options.seed ?? 1) }, options)
    this.kraken = this.#venues.kraken
    this.coinbaseExchange = this.#venues.exchange
  }

  /** Registers a Kraken key by name; all keys here belong to one account. */
  krakenKey(name: string): KrakenKey {
    return this.kraken.key(name, { account: 'main', nonceWindow: this.#nonceWindow })
  }

  /** Registers an Advanced Trade key by name and hands it out. */
  advancedKey(name: string): CoinbaseKey {
    const key = coinbaseKey(name)
    if (!this.#venues.jwt.has(key.name)) this.#venues.jwt.register(key, name)
    return key
  }

  /** Judges and answers, now. */
  answer(arrival: Arrival): Departure {
    const { host, method, target, headers, body = Buffer.alloc(0), ip } = arrival
    const [path = '/', search = ''] = target.split('?')
    const call: Call = {
      id: this.journal.nextId(),
      timeMs: this.#clock.now(),
      wallMs: this.#clock.wall() + this.#skewMs,
      ...{ ip, host, method, target, path, query: new URLSearchParams(search) },
      ...{ headers, rawHeaders: Object.entries(headers).flat(), body, bot: '', verdict: '', reason: '' },
    }
    this.journal.arrived(call)
    const answer = this.#venues.venueOf(call)?.answer(call)
    if (answer === undefined) throw new Error(`nobody serves ${host}${path}`)
    const bytes = bodyBytes(answer)
    const own = { Date: new Date(call.wallMs).toUTCString(), 'Content-Length': String(bytes.length) }
    return { status: answer.status, headers: { ...own, ...answer.headers }, body: bytes }
  }

  /** All that happened until now, measured from the first offer at `fromMs`; `baseMs` is the constant way there. */
  score(fromMs: number, baseMs: number): Score {
    const uses = this.uses(fromMs, baseMs)
    const leastMs = Math.max(0, ...uses.map((use) => use.leastMs))
    const tookMs = Math.max(0, ...uses.map((use) => use.tookMs))
    const { violations, byVerdict } = this.journal.report()
    return { violations, rejected: byVerdict.rejected ?? 0, leastMs, tookMs, efficiency: leastMs / tookMs }
  }

  /** The same for each counter that was used. */
  uses(fromMs: number, baseMs: number): readonly CounterUse[] {
    return usesOf(this.journal.ledger, this.#tier, fromMs + baseMs)
  }
}

/** A limit as the exchange states it: so many in any window, or a counter that holds so much and decays. */
export type Limit =
  | { readonly limit: number; readonly everyMs: number }
  | { readonly capacity: number; readonly perSecond: number }

/** The limit behind a counter's name; a scope may follow the name. */
export const limitOf = (counter: string, tier: KrakenTier): Limit => {
  const [name = ''] = counter.split(' ')
  const [venue, kind = ''] = name.split('.')
  if (name === 'kraken.private') return decaying(PRIVATE_TIERS[tier])
  if (name === 'kraken.engine') return decaying(ENGINE_TIERS[tier])
  if (venue === 'kraken') return { capacity: 5, perSecond: 1 }
  const window = WINDOWS[name]
  if (window !== undefined) return { limit: window, everyMs: 1000 }
  const rule = venue === 'coinbase-exchange' && COINBASE_EXCHANGE[kind as keyof typeof COINBASE_EXCHANGE]
  if (!rule) throw new Error(`no limit is known for ${counter}`)
  return { capacity: rule.capacity, perSecond: rule.refillPerSecond }
}

/** How near each counter of a ledger came to its limit, from `sinceMs` on. */
export const usesOf = (ledger: Journal['ledger'], tier: KrakenTier, sinceMs: number): readonly CounterUse[] => {
  const merged = new Map<string, Spending>()
  for (const { counter: name, scope, spent, lastMs, level } of ledger) {
    // Cancels have a name of their own among violations, but no counter of their own.
    const counter = name.replace('.cancel', '')
    const known = merged.get(`${counter} ${scope}`)
    const last = known === undefined || known.lastMs < lastMs ? { lastMs, level } : known
    merged.set(`${counter} ${scope}`, {
      ...{ counter, scope, spent: spent + (known?.spent ?? 0), lastMs: last.lastMs, level: last.level },
    })
  }
  return [...merged.values()].map((entry) => {
    const least = leastMs(limitOf(entry.counter, tier), entry)
    const tookMs = entry.lastMs - sinceMs
    return { counter: entry.counter, leastMs: least, tookMs, efficiency: least / tookMs }
  })
}

/** A limit takes in its capacity at once, and the rest as fast as it decays, or window by window. */
const leastMs = (limit: Limit, { spent, level, counter }: Spending): number => {
  if ('limit' in limit) return (Math.ceil(spent / limit.limit) - 1) * limit.everyMs
  // Cancels may lift the engine's counter above its maximum: that is borrowed, not used.
  const borrowed = counter === 'kraken.engine' ? Math.max(0, level - limit.capacity) : 0
  return (Math.max(0, spent - limit.capacity - borrowed) / limit.perSecond) * 1000
}

/** Per second. */
const WINDOWS: Readonly<Record<string, number>> = {
  'coinbase-advanced.private': 30,
  'coinbase-advanced.public': 10,
}

const decaying = (tier: { readonly max: number; readonly decayPerSecond: number }) => ({
  capacity: tier.max,
  perSecond: tier.decayPerSecond,
})
