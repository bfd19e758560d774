// Who does what: of every bot and class, what became of its calls, how long they waited, and what they spent. Bots come from
// outside, so only so many are told apart; the rest are one, called `other`.

import type { Clock } from '../core/clock.ts'
import type { CallFinished, Observer } from '../core/events.ts'
import type { Millis, Tokens } from '../core/units.ts'
import type { BotView, OutcomesView, StatsView, UseView } from '../core/usage.ts'
import { Histogram } from './histogram.ts'
import { OTHER } from './tally.ts'

/** Bots told apart, `other` among them. */
const BOTS = 200
/** Who has been silent for so long gives way to a newcomer. */
const FORGOTTEN_AFTER_MS: Millis = 3_600_000
/** How often it is looked for whom to forget. */
const SWEEP_EVERY_MS: Millis = 60_000
const WAIT_BOUNDS_MS = [1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000]

interface Use {
  readonly exchange: string
  readonly class: string
  calls: number
  forwarded: number
  refused: number
  limited: number
  failed: number
  saved: number
  cost: Tokens
  readonly waits: Histogram
}

interface Bot {
  readonly firstAtWallMs: Millis
  lastAtWallMs: Millis
  readonly uses: Map<string, Use>
}

/** Counts by bot and class since the start of the process. */
export class Stats {
  readonly #clock: Clock
  readonly #sinceWallMs: Millis
  readonly #bots = new Map<string, Bot>()
  #sweepAt: Millis = Number.NEGATIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
    this.#sinceWallMs = clock.wall()
  }

  readonly observer: Observer = (event) => {
    if (event.type === 'call.finished') this.#count(event)
  }

  /** Everything counted. */
  view(): StatsView {
    const classes = mergedByClass([...this.#bots.values()].flatMap(({ uses }) => [...uses.values()]))
    const spent = new Map<string, Tokens>()
    for (const { exchange, cost } of classes) spent.set(exchange, (spent.get(exchange) ?? 0) + cost)
    const bots = [...this.#bots].map(([name, bot]) => botView(name, bot, spent))
    return {
      sinceWallMs: this.#sinceWallMs,
      bots: bots.toSorted(byCalls),
      classes: classes.map((use) => useView(use, spent)).toSorted(byCalls),
    }
  }

  /** When each bot first and last called. */
  seen(): readonly Pick<BotView, 'bot' | 'firstAtWallMs' | 'lastAtWallMs'>[] {
    return [...this.#bots].map(([bot, { firstAtWallMs, lastAtWallMs }]) => ({ bot, firstAtWallMs, lastAtWallMs }))
  }

  #count({ call, cacheResult: result, limited }: CallFinished): void {
    const { exchange, class: id, decision, cost, waitedMs } = call.record
    if (exchange === undefined || id === undefined) return
    const bot = this.#bot(call.bot)
    bot.lastAtWallMs = this.#clock.wall()
    let use = bot.uses.get(id)
    if (use === undefined) {
      use = newUse(exchange, id)
      bot.uses.set(id, use)
    }
    use.calls += 1
    use.cost += cost
    use.waits.add(waitedMs)
    if (decision === 'forwarded') use.forwarded += 1
    else if (decision === 'refused') use.refused += 1
    else if (decision === 'failed') use.failed += 1
    if (limited) use.limited += 1
    if (result === 'hit' || result === 'stale' || result === 'coalesced') use.saved += 1
  }

  #bot(name: string): Bot {
    const known = this.#bots.get(name)
    if (known !== undefined) return known
    // The last place is kept for those who are not told apart.
    if (this.#bots.size >= BOTS - 1) this.#makeRoom()
    const kept = this.#bots.size < BOTS - 1 ? name : OTHER
    const wallMs = this.#clock.wall()
    const bot = this.#bots.get(kept) ?? { firstAtWallMs: wallMs, lastAtWallMs: wallMs, uses: new Map() }
    this.#bots.set(kept, bot)
    return bot
  }

  #makeRoom(): void {
    const now = this.#clock.now()
    if (now < this.#sweepAt) return
    this.#sweepAt = now + SWEEP_EVERY_MS
    const horizon = this.#clock.wall() - FORGOTTEN_AFTER_MS
    for (const [name, { lastAtWallMs }] of this.#bots) if (lastAtWallMs < horizon) this.#bots.delete(name)
  }
}

const newUse = (exchange: string, id: string): Use => ({
  ...{ exchange, class: id, calls: 0, forwarded: 0, refused: 0, limited: 0, failed: 0, saved: 0, cost: 0 },
  waits: new Histogram(WAIT_BOUNDS_MS),
})

const mergedByClass = (uses: readonly Use[]): readonly Use[] => {
  const merged = new Map<string, Use>()
  for (const use of uses) {
    const sum = merged.get(use.class) ?? newUse(use.exchange, use.class)
    merged.set(use.class, sum)
    addUp(sum, use)
  }
  return [...merged.values()]
}

const addUp = (sum: Use, use: Use): void => {
  for (const field of ['calls', 'forwarded', 'refused', 'limited', 'failed', 'saved', 'cost'] as const) {
    sum[field] += use[field]
  }
  sum.waits.merge(use.waits)
}

const botView = (name: string, { uses, ...times }: Bot, spent: ReadonlyMap<string, Tokens>): BotView => {
  const all = newUse('', '')
  for (const use of uses.values()) addUp(all, use)
  const { firstAtWallMs, lastAtWallMs } = times
  const classes = [...uses.values()].map((use) => useView(use, spent)).toSorted(byCalls)
  return { bot: name, firstAtWallMs, lastAtWallMs, ...outcomes(all), classes }
}

const useView = (use: Use, spent: ReadonlyMap<string, Tokens>): UseView => ({
  ...{ exchange: use.exchange, class: use.class, ...outcomes(use), cost: use.cost },
  budgetShare: ratio(use.cost, spent.get(use.exchange) ?? 0),
})

const outcomes = ({ calls, forwarded, refused, limited, failed, saved, waits }: Use): OutcomesView => ({
  ...{ calls, forwarded, refused, limited, rejectionRate: ratio(limited, calls), failed, saved },
  waitMeanMs: ratio(waits.sum, waits.count),
  waitP99Ms: waits.quantile(0.99) ?? 0,
})

const byCalls = (a: OutcomesView, b: OutcomesView): number => b.calls - a.calls

const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : Math.round((part / whole) * 1000) / 1000)
