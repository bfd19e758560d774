// How a bot of the demo calls an exchange, as client libraries do: it signs, sends, reads the verdict, and when it was
// refused it backs off and tries again with a new signature. It knows nothing of weir: only `agent` differs between runs.

import { type Agent, request } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { type CoinbaseKey, coinbaseJwt, type KrakenKey, signKraken } from '../test/support/exchange/keys.ts'

/** What one bot went through. A job is a call that the bot wants done; tries beyond the first are the same job. */
export interface Tally {
  jobs: number
  failed: number
  calls: number
  /** Calls that weir made wait, and how long in all; none without weir. */
  waited: number
  waitedMs: number
  /** Answers out of weir's cache, and refusals that weir spoke in the exchange's place. */
  cached: number
  refusedByWeir: number
}

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Readonly<Record<string, unknown>>
}

interface Wanted {
  readonly host: string
  readonly method: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** Pauses between tries; after the last try the job has failed. */
const BACK_OFF_MS = [1000, 2000, 4000]
/** What ccxt and python-kraken-sdk wait for an answer. */
const TIMEOUT_MS = 10_000
const KRAKEN = 'api.kraken.com'
const COINBASE = 'api.coinbase.com'

/** One bot's way to the exchanges. Every call resolves with its result, or with undefined when the bot gave up. */
export class Client {
  readonly tally: Tally = { jobs: 0, failed: 0, calls: 0, waited: 0, waitedMs: 0, cached: 0, refusedByWeir: 0 }
  readonly #agent: Agent
  #lastNonce = 0

  constructor(agent: Agent) {
    this.#agent = agent
  }

  krakenPublic(method: string, params: Readonly<Record<string, string>>): Promise<unknown> {
    const path = `/0/public/${method}?${new URLSearchParams(params)}`
    return this.#job(() => ({ host: KRAKEN, method: 'GET', path }))
  }

  krakenPrivate(key: KrakenKey, method: string, params: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    const path = `/0/private/${method}`
    const json = Object.values(params).some((value) => typeof value === 'object')
    return this.#job(() => {
      const signed = signKraken({ path, key, nonce: this.#nonce(), params, json })
      return { host: KRAKEN, method: 'POST', path, ...signed }
    })
  }

  coinbasePublic(path: string): Promise<unknown> {
    return this.#job(() => ({ host: COINBASE, method: 'GET', path: `/api/v3/brokerage/market/${path}` }))
  }

  coinbase(key: CoinbaseKey, method: string, what: string, body?: object): Promise<unknown> {
    const path = `/api/v3/brokerage/${what}`
    return this.#job(() => {
      const token = coinbaseJwt({ key, method, host: COINBASE, path, wallMs: Date.now() })
      const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' }
      return { host: COINBASE, method, path, headers, ...(body && { body: JSON.stringify(body) }) }
    })
  }

  /** Milliseconds, rising: what most libraries send, each process by itself. */
  #nonce(): number {
    this.#lastNonce = Math.max(this.#lastNonce + 1, Date.now())
    return this.#lastNonce
  }

  async #job(sign: () => Wanted): Promise<unknown> {
    this.tally.jobs += 1
    for (const pauseMs of [...BACK_OFF_MS, undefined]) {
      this.tally.calls += 1
      const answer = await send(this.#agent, sign()).catch(() => undefined)
      if (answer !== undefined) this.#note(answer)
      if (answer !== undefined && isServed(answer)) return answer.body.result ?? answer.body
      if (pauseMs !== undefined) await sleep(pauseMs)
    }
    this.tally.failed += 1
    return undefined
  }

  #note({ headers }: Answer): void {
    const waitedMs = Number(headers['x-weir-wait-ms'] ?? 0)
    const decision = headers['x-weir-decision']
    if (waitedMs > 0) this.tally.waited += 1
    this.tally.waitedMs += waitedMs
    if (decision === 'cached' || decision === 'stale' || decision === 'coalesced') this.tally.cached += 1
    if (decision === 'refused') this.tally.refusedByWeir += 1
  }
}

/** Kraken says it in `error`, whatever the status; Coinbase by the status. */
const isServed = ({ status, body }: Answer): boolean =>
  status === 200 && (!Array.isArray(body.error) || body.error.length === 0)

const send = (agent: Agent, { body, ...wanted }: Wanted): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const req = request({ ...wanted, agent, signal: AbortSignal.timeout(TIMEOUT_MS) }, async (res) => {
      try {
        const text = (await res.setEncoding('utf8').toArray()).join('')
        resolve({ status: res.statusCode ?? 0, headers: res.headers, body: read(text) })
      } catch (error) {
        reject(error)
      }
    })
    req.on('error', reject)
    req.end(body)
  })

/** A refusal may be an HTML page; the status says enough then. */
const read = (text: string): Readonly<Record<string, unknown>> => {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>
  } catch {
    return {}
  }
}
