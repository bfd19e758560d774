// How weir asks after the health of others. A host of an exchange is asked down the road of weir's own questions: charged like
// any call, and only when the budget is so far from spent that no bot could miss it. Anything else is asked directly.

import type { ClassifiedCall } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import { systemCode, WeirError } from '../core/errors.ts'
import { patientFetch } from '../core/patient-fetch.ts'
import type { Rules } from '../core/rules.ts'
import type { Handler } from '../core/stack.ts'
import type { Millis } from '../core/units.ts'
import type { CheckRule } from '../core/watch-rules.ts'
import type { Answered } from '../health/monitor.ts'
import type { Pricer } from '../limit/price.ts'
import type { BucketStore } from '../limit/store.ts'
import { probe, question } from './question.ts'

export interface CheckParts {
  readonly rules: () => Rules
  readonly clock: Clock
  readonly pricer: Pricer
  readonly store: BucketStore
  /** The road of weir's own questions. */
  readonly send: () => Handler<ClassifiedCall>
}

/** Share of every bucket that must be left for a question to be asked. */
const TO_SPARE = 0.5
const PROBE_MS: Millis = 10_000
const ANY_ANSWER = { from: 100, to: 499 }

/** The questions of the health monitor. */
export const healthQuestions = (parts: CheckParts) => ({
  /** The exchange's own probe, where this host has one. */
  askHost: async (name: string): Promise<Answered | undefined> => {
    const host = parts.rules().hosts.get(name)
    let limited: string | undefined
    const asked =
      host &&
      probe(host, parts.clock, 'low', (word) => {
        limited = `says ${word}`
      })
    const answered = asked && (await askExchange(parts, asked, ANY_ANSWER, PROBE_MS))
    return answered?.ok === true && limited !== undefined ? { ok: false, error: limited } : answered
  },
  check: async ({ url, status, timeoutMs }: CheckRule): Promise<Answered | undefined> => {
    const { hostname, pathname, search, protocol } = new URL(url)
    const host = parts.rules().hosts.get(hostname)
    if (host !== undefined && protocol === 'https:')
      return askExchange(parts, question(host, pathname + search, parts.clock, 'low'), status, timeoutMs)
    const answer = await patientFetch(url, { headers: { 'User-Agent': 'weir' } }, parts.clock, timeoutMs)
    return answer.status === undefined
      ? { ok: false, error: answer.trouble }
      : judged(answer.status, status, answer.tookMs)
  },
})

const askExchange = async (
  { clock, pricer, store, send }: CheckParts,
  asked: ClassifiedCall,
  status: CheckRule['status'],
  timeoutMs: Millis,
): Promise<Answered | undefined> => {
  const call = { ...asked, wishes: { ...asked.wishes, maxWaitMs: 0 } }
  const spare = pricer.price(call).every((take) => {
    const { available, closedForMs } = store.level(take)
    const capacity = take.rule.kind === 'bucket' ? take.rule.capacity : take.rule.limit
    return closedForMs === 0 && available - take.cost >= capacity * TO_SPARE
  })
  if (!spare) return undefined
  const late = clock.after(timeoutMs, () => call.presence.leave())
  try {
    const reply = await send()(call)
    if (!(reply.body instanceof Uint8Array)) reply.body.cancel()
    const { verdict, upstreamMs } = call.record
    if (verdict?.kind === 'failing') return { ok: false, error: verdict.reason }
    return judged(reply.status, status, upstreamMs ?? 0)
  } catch (error) {
    // Not sent: the breaker is open or somebody was quicker, which says nothing of the exchange.
    if (error instanceof WeirError && call.record.sent === 'no' && error.code !== 'upstream_unreachable')
      return undefined
    return { ok: false, error: call.presence.left ? noAnswer(timeoutMs) : wordOf(error) }
  } finally {
    late.cancel()
  }
}

const judged = (status: number, wanted: CheckRule['status'], tookMs: Millis): Answered =>
  status >= wanted.from && status <= wanted.to ? { ok: true, tookMs } : { ok: false, error: `http ${status}` }

const noAnswer = (ms: Millis): string => `no answer in ${ms} ms`

const wordOf = (error: unknown): string =>
  systemCode(error) ?? (error instanceof WeirError ? error.code : 'no connection')
