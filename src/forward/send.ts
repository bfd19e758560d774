// The innermost handler: sends a call as it came, hands the answer on as it comes, and judges it. Retries nothing that
// carries a credential or may change anything at the exchange.

import type { BodySink, BodyStream, Cancelled, ClassifiedCall, RawHeaders, Reply, Sent } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import { BotLeft, WeirStops } from '../core/departure.ts'
import { WeirError } from '../core/errors.ts'
import { field } from '../core/headers.ts'
import type { EndpointClass, HostRule } from '../core/rules.ts'
import type { ServerClocks } from '../core/server-clock.ts'
import type { Handler } from '../core/stack.ts'
import type { Bytes, Millis } from '../core/units.ts'
import { endToEnd, reasonPhrase } from './headers.ts'
import { type Dispatch, type Dispatcher, diedReused, upstreamTrouble } from './pool.ts'
import { type Answer, Reading } from './reading.ts'
import { JUDGED_BYTES, judge, readsBodies, toldBudget } from './verdict.ts'

export interface ForwardDeps {
  readonly dispatch: (host: HostRule) => Dispatch
  readonly host: (name: string) => HostRule | undefined
  readonly clock: Clock
  readonly serverClocks: ServerClocks
  /**
   * Hears of answers that are held whole, to learn from them; `read` parses one, undefined when it is no JSON.
   * @returns how many orders the call cancelled, where the answer says so
   */
  readonly learn: (call: ClassifiedCall, read: () => unknown) => Cancelled | undefined
  /** Hears of calls that were sent, and of which no answer that is held whole tells what became of them. */
  readonly miss: (call: ClassifiedCall) => void
}

/** Sends calls to their exchange. */
export const forward =
  (deps: ForwardDeps): Handler<ClassifiedCall> =>
  async (call) => {
    const host = deps.host(call.request.host)
    if (host === undefined) throw new WeirError('host_not_allowed')
    if (call.presence.left) throw new BotLeft()
    try {
      return await attempt(deps, call, host)
    } catch (error) {
      if (!(error instanceof Broken)) throw error
      if (!error.reused || !mayRepeat(call)) throw error.failure
      call.record.resent = true
      return await attempt(deps, call, host).catch(finalFailure)
    }
  }

/**
 * RFC 9110 §9.2.2 lets a proxy repeat what is idempotent; a signed call is not even when its method is, for its nonce is
 * spent.
 */
const mayRepeat = ({ request, identity, presence }: ClassifiedCall): boolean =>
  request.method === 'GET' && identity.credential === undefined && !presence.left

const finalFailure = (error: unknown): never => {
  throw error instanceof Broken ? error.failure : error
}

/** An attempt that ended before any answer. */
class Broken extends Error {
  readonly failure: WeirError
  readonly reused: boolean

  constructor(failure: WeirError, reused: boolean) {
    super(failure.message)
    this.failure = failure
    this.reused = reused
  }
}

const attempt = (deps: ForwardDeps, call: ClassifiedCall, host: HostRule): Promise<Reply> => {
  const { method, target, headers, body } = call.request
  const { promise, resolve, reject } = Promise.withResolvers<Reply>()
  const handler = new AnswerHandler(deps, call, host, resolve, reject)
  deps.dispatch(host)(
    { method: method as Dispatcher.HttpMethod, path: target, headers: headers as string[], body: body ?? null },
    handler,
  )
  return promise
}

/** Largest body that is read to learn from it: a list of a thousand open orders, or of all pairs, once decoded. */
const LEARNT_BYTES: Bytes = 4 * 1024 * 1024
/** A list of open orders is held up to here; larger ones stream past, unread. */
const LISTED_BYTES: Bytes = 512 * 1024

/** How much of an answer is held back before it is handed on: what must be judged, may be learnt from, or may be cached. */
const holdBytes = (rule: EndpointClass): Bytes => {
  const judged = readsBodies(rule.exchange.dialect) ? JUDGED_BYTES : 0
  return Math.max(judged, rule.learns ? LISTED_BYTES : 0, rule.cache?.maxEntryBytes ?? 0)
}

/** Receives one answer. Small ones become a Buffer; large ones flow through with back-pressure. */
class AnswerHandler implements Dispatcher.DispatchHandler, BodyStream {
  readonly #deps: ForwardDeps
  readonly #call: ClassifiedCall
  readonly #host: HostRule
  readonly #resolve: (reply: Reply) => void
  readonly #reject: (error: unknown) => void
  readonly #startedAt: Millis
  #controller: Dispatcher.DispatchController | undefined
  #stopListening: (() => void) | undefined
  #status = 0
  #statusText = ''
  #headers: RawHeaders = []
  #held: Buffer[] = []
  #heldBytes = 0
  #holdBytes = 0
  #flowing = false
  #sink: BodySink | undefined
  #ended: RawHeaders | Error | undefined

  constructor(
    deps: ForwardDeps,
    call: ClassifiedCall,
    host: HostRule,
    resolve: (reply: Reply) => void,
    reject: (error: unknown) => void,
  ) {
    this.#deps = deps
    this.#call = call
    this.#host = host
    this.#resolve = resolve
    this.#reject = reject
    this.#startedAt = deps.clock.now()
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#call.presence.left) {
      controller.abort(new BotLeft())
      return
    }
    this.#call.record.sent = 'unknown'
    // Reads of a bot that hung up are called off. Whatever may change something, or spends a nonce, runs to its end: its
    // outcome must be known, and the next nonce must not overtake it.
    const { rule } = this.#call
    if (rule.kind === 'read' && rule.lane === 'fair') {
      this.#stopListening = this.#call.presence.onLeave(() => controller.abort(new BotLeft()))
    }
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, _headers: unknown, text?: string): void {
    const headers = endToEnd(controller.rawHeaders as Buffer[])
    if (status < 200) {
      if (status === 103) this.#call.early?.(headers)
      return
    }
    const { record, rule } = this.#call
    record.sent = 'yes'
    record.upstreamMs = this.#deps.clock.now() - this.#startedAt
    this.#status = status
    this.#statusText = reasonPhrase(text ?? '')
    this.#headers = headers
    const date = this.#host.hasDeadlines ? field(headers, 'date') : undefined
    if (date !== undefined) this.#deps.serverClocks.observe(this.#host.host, date, record.upstreamMs)
    const length = Number(field(headers, 'content-length') ?? Number.NaN)
    // What is wrong is small, and says so in its body.
    this.#holdBytes = Math.max(holdBytes(rule), length <= JUDGED_BYTES || status >= 400 ? JUDGED_BYTES : 0)
    if (length > this.#holdBytes || (this.#holdBytes === 0 && hasBody(this.#call.request.method, status))) this.#flow()
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#sink !== undefined) {
      if (!this.#sink.write(chunk)) controller.pause()
      return
    }
    this.#held.push(chunk)
    this.#heldBytes += chunk.length
    if (this.#flowing) controller.pause()
    else if (this.#heldBytes > this.#holdBytes) this.#flow()
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    this.#stopListening?.()
    const raw = controller.rawTrailers as Buffer[] | undefined
    const trailers = raw !== undefined && raw.length > 0 ? endToEnd(raw) : []
    if (this.#flowing) {
      this.#ended = trailers
      this.#sink?.end(trailers)
      return
    }
    const body = this.#held.length === 1 && this.#held[0] !== undefined ? this.#held[0] : Buffer.concat(this.#held)
    this.#judge(body)
    this.#answer(body, trailers)
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    this.#stopListening?.()
    if (this.#flowing) {
      this.#ended = error
      this.#sink?.fail(error)
      return
    }
    this.#call.record.upstreamMs ??= this.#deps.clock.now() - this.#startedAt
    if (this.#call.record.sent !== 'no') this.#deps.miss(this.#call)
    if (error instanceof BotLeft) {
      this.#reject(error)
      return
    }
    const failure = error instanceof WeirError ? error : failureOf(error, this.#call.record.sent)
    this.#reject(new Broken(failure, this.#status === 0 && diedReused(error)))
  }

  pipe(sink: BodySink): void {
    this.#sink = sink
    sink.begin(() => this.#controller?.resume())
    const held = this.#held
    this.#held = []
    let ready = true
    for (const chunk of held) ready = sink.write(chunk)
    if (this.#ended instanceof Error) sink.fail(this.#ended)
    else if (this.#ended !== undefined) sink.end(this.#ended)
    else if (ready) this.#controller?.resume()
  }

  cancel(): void {
    this.#controller?.abort(new BotLeft())
  }

  /** The body is too large to hold: it is handed on as it comes. */
  #flow(): void {
    this.#flowing = true
    this.#judge(undefined)
    this.#answer(this, undefined)
  }

  #judge(body: Buffer | undefined): void {
    const { rule, record } = this.#call
    const answer: Answer = { status: this.#status, headers: this.#headers, body }
    record.told = toldBudget(rule.exchange, this.#headers)
    const reading = new Reading(answer)
    const verdict = judge(rule.exchange, answer, this.#deps.clock.wall(), reading)
    record.verdict = this.#call.hear?.(verdict, () => reading.json()) ?? verdict
    record.decision = 'forwarded'
    // A page in front of the exchange (520), or the exchange at its wits' end: the call may have been taken all the same.
    if (body === undefined || this.#status >= 500) this.#deps.miss(this.#call)
    // A batch may be refused in part: what it placed is told beside the errors.
    if (body === undefined || this.#status >= 300) return
    record.cancelled = this.#deps.learn(this.#call, () => reading.json(LEARNT_BYTES))
  }

  #answer(body: Buffer | BodyStream, trailers: RawHeaders | undefined): void {
    this.#resolve({ status: this.#status, statusText: this.#statusText, headers: this.#headers, body, trailers })
  }
}

const failureOf = (cause: Error, sent: Sent): WeirError => {
  switch (upstreamTrouble(cause)) {
    case 'timeout':
      return new WeirError('upstream_timeout', { cause })
    case 'unreachable':
      return new WeirError('upstream_unreachable', { cause })
    case 'stopped':
      if (sent === 'no') return new WeirError('shutting_down')
      return new WeirError('upstream_unreachable', { message: UNHEARD, cause: new WeirStops() })
  }
}

const UNHEARD = 'weir had to stop before the exchange had answered.'

const hasBody = (method: string, status: number): boolean => method !== 'HEAD' && status !== 204 && status !== 304
