// The simulated exchange: real TLS, HTTP/1.1 and WebSockets on 127.0.0.1, answering for Kraken and Coinbase by Host
// header. It keeps the exchanges' counters as their documents describe them, refuses what goes over, and writes every
// violation down. It is the judge of the proxy and shares no code with it.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { caFile, certificatesFor } from './authority.ts'
import { type Clock, REAL_CLOCK } from './clock.ts'
import { BROKERAGE, type CoinbaseAdvancedOptions, CoinbaseAdvancedVenue } from './coinbase-advanced.ts'
import { type CoinbaseAppOptions, CoinbaseAppVenue } from './coinbase-app.ts'
import { JwtAuth } from './coinbase-auth.ts'
import { type CoinbaseExchangeOptions, CoinbaseExchangeVenue } from './coinbase-exchange.ts'
import { type Encoding, type Fault, Faults, isCounted, type Waiting } from './faults.ts'
import { FUTURES_HOSTS, FuturesVenue } from './futures.ts'
import type { FuturesOptions } from './futures-limits.ts'
import { Gate, seeded } from './gate.ts'
import { type Call, Journal, type Report, type Spending, type Violation } from './journal.ts'
import { type CoinbaseExchangeKey, type CoinbaseKey, coinbaseKey, type KrakenKey } from './keys.ts'
import { type KrakenAccountView, KrakenVenue } from './kraken.ts'
import type { KrakenOptions, KrakenTier } from './kraken-limits.ts'
import { type Connections, listen } from './listener.ts'
import { type UpgradeOptions, Upgrades } from './upgrades.ts'
import type { Answer, Ground, Venue } from './venue.ts'
import type { UpgradeMode } from './websocket.ts'
import { send } from './wire.ts'

export interface ExchangeOptions {
  readonly clock?: Clock
  /** 0 or absent: any free port. */
  readonly port?: number
  /** True: no TLS. */
  readonly plain?: boolean
  /** Round trip added to every call, and seeded jitter on the way in. */
  readonly latencyMs?: number
  readonly jitterMs?: number
  readonly seed?: number
  /** False: violations are written down but the calls are served. */
  readonly enforce?: boolean
  /** How many calls and violations are kept; counts are not bounded. */
  readonly keep?: number
  /** Idle keep-alive connections are closed after this long. */
  readonly idleMs?: number
  /** Compress answers for bots that accept it. */
  readonly encoding?: Encoding
  /** Look at signatures, nonces and expiry? True unless told; keys must be registered either way. */
  readonly verify?: boolean
  readonly kraken?: KrakenOptions
  readonly futures?: FuturesOptions
  readonly coinbaseAdvanced?: CoinbaseAdvancedOptions
  readonly coinbaseExchange?: CoinbaseExchangeOptions
  readonly coinbaseApp?: CoinbaseAppOptions
  readonly websocket?: UpgradeOptions
}

export interface Exchange {
  readonly port: number
  /** `https://127.0.0.1:port`; the venue is chosen by the Host header. */
  readonly url: string
  /** Empty when plain. */
  readonly caPem: string
  readonly caFile: string
  readonly calls: readonly Call[]
  readonly violations: readonly Violation[]
  readonly connections: Readonly<Connections>
  report(): Report
  /** What each counter has taken in so far. */
  ledger(): readonly Readonly<Spending>[]
  /** Registers a key by name and hands it out; the same name gives the same key. */
  krakenKey(name: string, member?: { account?: string; tier?: KrakenTier; nonceWindow?: number }): KrakenKey
  futuresKey(name: string): KrakenKey
  coinbaseKey(name: string, member?: { user?: string }): CoinbaseKey
  coinbaseExchangeKey(name: string, member?: { profile?: string }): CoinbaseExchangeKey
  /** What Kraken knows of a key (the key itself, not its name). */
  account(key: string): KrakenAccountView
  fault(fault: Fault): Waiting
  clearFaults(): void
  /** Everything that arrives waits this long, then arrives at once. */
  stall(ms: number): void
  /** How many calls such a stall holds back just now. */
  held(): number
  /** How the next WebSocket upgrades are met. */
  upgrade(mode: UpgradeMode): void
  /** Closes idle connections now. */
  dropIdle(): void
  close(): Promise<void>
}

/** The host names it answers for; WebSocket hosts echo. */
export const HOSTS = [
  'api.kraken.com',
  'api.coinbase.com',
  'api.exchange.coinbase.com',
  'futures.kraken.com',
  'demo-futures.kraken.com',
  'ws.kraken.com',
  'ws-auth.kraken.com',
  'advanced-trade-ws.coinbase.com',
  'advanced-trade-ws-user.coinbase.com',
  'ws-feed.exchange.coinbase.com',
] as const

const MAX_BODY = 1_048_576
/** For faults that spare the exchange and still let an answer through. */
const NEVER_JUDGED: Answer = { status: 502, headers: { 'Content-Type': 'text/plain' }, body: 'Bad Gateway\n' }

/** Starts it; resolves when it listens. Throws when the port is taken or openssl is missing. */
export async function startExchange(options: ExchangeOptions = {}): Promise<Exchange> {
  const clock = options.clock ?? REAL_CLOCK
  const random = seeded(options.seed ?? 1)
  const journal = new Journal({ enforce: options.enforce ?? true, keep: options.keep ?? 20_000 })
  const ground = { clock, journal, random }
  const { kraken, futures, exchange, jwt, venueOf } = makeVenues(ground, options)
  const faults = new Faults()
  const gate = new Gate(clock, random, { latencyMs: options.latencyMs ?? 0, jitterMs: options.jitterMs ?? 0 })
  const certificates = options.plain ? undefined : await certificatesFor(HOSTS)
  const authority = certificates && (await caFile(certificates.caPem))

  const arrival = (req: IncomingMessage, body: Buffer) => arrivedCall(req, body, journal.nextId(), clock)

  const onRequest = async (req: IncomingMessage, res: ServerResponse) => {
    const body = await readBody(req)
    if (body === undefined) return void req.socket.destroy()
    await gate.arrive()
    const call = arrival(req, body)
    journal.arrived(call)
    const fault = faults.take(call)
    const judge = () => venueOf(call)?.answer(call) ?? misdirected(call, journal)
    const own = fault === undefined || isCounted(fault) ? judge() : undefined
    if (fault) journal.judged(call, `fault ${fault.kind}`)
    const answer = fault?.kind === 'answer' ? faultAnswer(fault) : (own ?? NEVER_JUDGED)
    await gate.leave()
    await send(req, res, answer, fault, { clock, reset: listener.reset, encoding: options.encoding })
  }
  const listener = await listen({
    certificates,
    port: options.port ?? 0,
    idleMs: options.idleMs ?? 60_000,
    onRequest: (req, res) => {
      req.on('error', () => undefined)
      res.on('error', () => undefined)
      onRequest(req, res).catch((error: unknown) => res.destroy(error instanceof Error ? error : undefined))
    },
    onUpgrade: (req, socket, head) => {
      const call = arrival(req, Buffer.alloc(0))
      journal.arrived(call)
      upgrades.meet(req, socket, head, call)
    },
  })
  const upgrades = new Upgrades(journal, listener.reset, options.websocket ?? {})

  return {
    port: listener.port,
    url: `${options.plain ? 'http' : 'https'}://127.0.0.1:${listener.port}`,
    caPem: certificates?.caPem ?? '',
    caFile: authority?.path ?? '',
    calls: journal.calls,
    violations: journal.violations,
    connections: listener.connections,
    report: () => journal.report(),
    ledger: () => journal.ledger,
    krakenKey: (name, member) => kraken.key(name, member),
    futuresKey: (name) => futures.key(name),
    coinbaseKey: (name, member) => {
      const key = coinbaseKey(name)
      if (!jwt.has(key.name)) jwt.register(key, member?.user ?? name)
      return key
    },
    coinbaseExchangeKey: (name, member) => exchange.key(name, member),
    account: (key) => kraken.account(key),
    fault: (fault) => faults.add(fault),
    clearFaults: () => faults.clear(),
    stall: (ms) => gate.stall(ms),
    held: () => gate.held,
    upgrade: (mode) => {
      upgrades.mode = mode
    },
    dropIdle: () => listener.server.closeIdleConnections(),
    close: async () => {
      await listener.close()
      await authority?.remove()
    },
  }
}

function arrivedCall(req: IncomingMessage, body: Buffer, id: number, clock: Clock): Call {
  const target = req.url ?? '/'
  const [path = '/', search = ''] = splitOnce(target, '?')
  return {
    id,
    timeMs: clock.now(),
    wallMs: clock.wall(),
    ip: req.socket.remoteAddress ?? '',
    host: (req.headers.host ?? '').replace(/:\d+$/, '').toLowerCase(),
    method: req.method ?? 'GET',
    target,
    path,
    query: new URLSearchParams(search),
    headers: req.headers,
    rawHeaders: req.rawHeaders,
    body,
    bot: req.headers['user-agent'] ?? '',
    verdict: '',
    reason: '',
  }
}

/** The venues, and which of them a call is for: by host, and at api.coinbase.com by path. */
export function makeVenues(ground: Ground, options: Omit<ExchangeOptions, 'clock'>) {
  const verify = options.verify ?? true
  const jwt = new JwtAuth({ verify })
  const kraken = new KrakenVenue(ground, { verify, ...options.kraken })
  const futures = new FuturesVenue(ground, { verify, ...options.futures })
  const exchange = new CoinbaseExchangeVenue(ground, { verify, ...options.coinbaseExchange })
  const advanced = new CoinbaseAdvancedVenue(ground, jwt, options.coinbaseAdvanced ?? {})
  const app = new CoinbaseAppVenue(ground, jwt, options.coinbaseApp ?? {})
  const venueOf = (call: Call): Venue | undefined => {
    if (call.host === 'api.kraken.com') return kraken
    if (FUTURES_HOSTS.includes(call.host)) return futures
    if (call.host === 'api.exchange.coinbase.com') return exchange
    if (call.host !== 'api.coinbase.com') return undefined
    return call.path.startsWith(BROKERAGE) ? advanced : call.path.startsWith('/v2/') ? app : undefined
  }
  return { kraken, futures, exchange, jwt, venueOf }
}

/** What a real edge says to a name or a target that it does not serve. */
function misdirected(call: Call, journal: Journal): Answer {
  call.reason = 'misdirected'
  journal.judged(call, 'rejected')
  return { status: 421, headers: { 'Content-Type': 'text/plain' }, body: 'Misdirected Request\n' }
}

function faultAnswer(fault: Extract<Fault, { kind: 'answer' }>): Answer {
  return { status: fault.status, ...(fault.headers && { headers: fault.headers }), body: fault.body ?? '' }
}

function splitOnce(text: string, mark: string): string[] {
  const at = text.indexOf(mark)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}

/** The whole body, or undefined when it is too big or the bot went away. */
async function readBody(req: IncomingMessage): Promise<Buffer | undefined> {
  const pieces: Buffer[] = []
  let size = 0
  try {
    for await (const piece of req as AsyncIterable<Buffer>) {
      size += piece.length
      if (size > MAX_BODY) return undefined
      pieces.push(piece)
    }
  } catch {
    return undefined
  }
  return Buffer.concat(pieces)
}
