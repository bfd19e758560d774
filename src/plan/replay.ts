// The trace as it was asked, down weir's own road in virtual time: cache, shared calls, lanes and buckets. Who waits, how
// long, and who is refused. The exchange takes as long over a call as the trace says, and never refuses.

import { flightKey, flightShare } from '../cache/flight.ts'
import { cache } from '../cache/layer.ts'
import { MemoryStore as CacheMemory } from '../cache/memory.ts'
import { Proofs } from '../cache/proofs.ts'
import { coalesce } from '../coalesce/layer.ts'
import { type CallRecord, type ClassifiedCall, newRecord, OK, type Reply } from '../core/call.ts'
import { type ErrorCode, WeirError } from '../core/errors.ts'
import { Presence } from '../core/presence.ts'
import type { Rules } from '../core/rules.ts'
import { ServerClocks } from '../core/server-clock.ts'
import { type Handler, Stack } from '../core/stack.ts'
import type { Millis } from '../core/units.ts'
import { Belief } from '../limit/belief.ts'
import { Lanes } from '../limit/lanes.ts'
import { limit } from '../limit/layer.ts'
import { MemoryStore } from '../limit/memory.ts'
import type { PlannedCall } from './calls.ts'
import { TracePricer } from './price.ts'
import { VirtualClock } from './virtual-clock.ts'

/** What became of a trace. */
export interface Replay {
  /** From the first call asked to the last answered: as the trace has it, and through weir. */
  readonly askedMs: Millis
  readonly tookMs: Millis
  readonly sent: number
  /** Answered from the cache, or together with another call. */
  readonly answered: number
  /** Of those sent: how many waited, and how long the wait was over all of them. */
  readonly waited: number
  readonly meanWaitMs: Millis
  readonly p99WaitMs: Millis
  readonly longestWaitMs: Millis
  readonly refused: number
  /** Refusals by code and class, the most first. */
  readonly refusals: readonly { readonly code: ErrorCode; readonly class: string; readonly calls: number }[]
}

/**
 * Plays calls that all have a time, in their order.
 * @param turn resolves once everything that can run without time passing has run
 */
export const replay = async (
  calls: readonly PlannedCall[],
  rules: Rules,
  turn: () => Promise<unknown>,
): Promise<Replay> => {
  const clock = new VirtualClock()
  const send = throughWeir(clock, rules)
  const results = new Results()
  const startMs = calls[0]?.atMs ?? 0
  let askedMs: Millis = 0
  let open = 0
  const ask = async (call: PlannedCall): Promise<void> => {
    open += 1
    try {
      results.answered(await send(call), clock.now())
    } catch (error) {
      if (!(error instanceof WeirError)) throw error
      results.refused(call.rule.id, error.code)
    } finally {
      open -= 1
    }
  }
  const asked: Promise<void>[] = []
  for (const call of calls) {
    const at = (call.atMs ?? startMs) - startMs
    askedMs = Math.max(askedMs, at + call.tookMs)
    for (let next = clock.next; next !== undefined && next <= at; next = clock.next) {
      clock.step()
      await turn()
    }
    clock.moveTo(at)
    asked.push(ask(call))
    await turn()
  }
  while (open > 0 && clock.step()) await turn()
  await Promise.all(asked)
  return { askedMs, ...results.summary() }
}

/** Counts how calls ended. */
class Results {
  readonly #waits: Millis[] = []
  readonly #refusals = new Map<string, { code: ErrorCode; class: string; calls: number }>()
  #answered = 0
  #refused = 0
  #lastMs: Millis = 0

  answered({ sent, waitedMs }: CallRecord, now: Millis): void {
    this.#lastMs = now
    if (sent === 'yes') this.#waits.push(waitedMs)
    else this.#answered += 1
  }

  refused(id: string, code: ErrorCode): void {
    this.#refused += 1
    const name = `${code} ${id}`
    const row = this.#refusals.get(name) ?? { code, class: id, calls: 0 }
    row.calls += 1
    this.#refusals.set(name, row)
  }

  summary(): Omit<Replay, 'askedMs'> {
    const waits = Float64Array.from(this.#waits).sort()
    const sum = waits.reduce((total, ms) => total + ms, 0)
    return {
      tookMs: this.#lastMs,
      sent: waits.length,
      answered: this.#answered,
      waited: waits.filter((ms) => ms > 0).length,
      meanWaitMs: sum / Math.max(1, waits.length),
      p99WaitMs: waits[Math.ceil(waits.length * 0.99) - 1] ?? 0,
      longestWaitMs: waits.at(-1) ?? 0,
      refused: this.#refused,
      refusals: [...this.#refusals.values()].sort((a, b) => b.calls - a.calls),
    }
  }
}

/** Sends one call down the road; resolves with what weir did. */
const throughWeir = (clock: VirtualClock, rules: Rules): ((call: PlannedCall) => Promise<CallRecord>) => {
  const coldStart = () => rules.coldStart
  const store = new MemoryStore(clock, coldStart)
  const pricer = new TracePricer(rules)
  const proofs = new Proofs(clock)
  const tell = () => {}
  const road = Stack.of<ClassifiedCall>()
    .push(cache({ store: new CacheMemory(rules.cacheBytes), proofs, clock }))
    .push(coalesce({ keyOf: flightKey(proofs), share: flightShare, clock }))
    .push(
      limit({
        lanes: new Lanes({ store, clock, maxQueueBytes: () => rules.maxQueueBytes, tell }),
        store,
        pricer,
        // Nothing is ever refused, so nothing is to be explained.
        belief: new Belief({ clock, store, pricer, diagnose: () => 'unexplained', coldStart, tell }),
        serverClocks: new ServerClocks(clock),
        clock,
      }),
    )
    .serve(exchange(clock))
  return async (call) => {
    const record = newRecord()
    // Only of a public GET is enough known to say that another asks the same.
    const wishes = { ...call.wishes, skipCache: call.question === undefined }
    await road({ ...call, startedAt: clock.now(), presence: new Presence(), record, wishes })
    return record
  }
}

/** Takes its time, and is content. */
const exchange =
  (clock: VirtualClock): Handler<ClassifiedCall> =>
  async (call) => {
    const { tookMs } = call as PlannedCall
    if (tookMs > 0) await new Promise<void>((done) => void clock.after(tookMs, done))
    Object.assign(call.record, { decision: 'forwarded', sent: 'yes', verdict: OK })
    return ANSWER
  }

const ANSWER: Reply = { status: 200, statusText: 'OK', headers: [], body: Buffer.alloc(0), trailers: undefined }
