// How bots in virtual time reach an exchange: straight, or through the whole road of weir with a network in place of
// sockets. Everything between the bot's request and the exchange's answer is what runs in production.

import { Buffer } from 'node:buffer'
import { startLearning } from '../../../src/app/learning.ts'
import { buildRoad } from '../../../src/app/road.ts'
import { diagnose } from '../../../src/autopsy/diagnose.ts'
import { Breakers } from '../../../src/breaker/breakers.ts'
import { MemoryStore as CacheMemory } from '../../../src/cache/memory.ts'
import { Proofs } from '../../../src/cache/proofs.ts'
import { loadRules } from '../../../src/config/load.ts'
import { type Call, newRecord, type Reply } from '../../../src/core/call.ts'
import type { Clock } from '../../../src/core/clock.ts'
import type { Observer } from '../../../src/core/events.ts'
import { Presence } from '../../../src/core/presence.ts'
import { ServerClocks } from '../../../src/core/server-clock.ts'
import type { Dispatch } from '../../../src/forward/pool.ts'
import { Fingerprints } from '../../../src/identify/credential.ts'
import { readWishes } from '../../../src/inbound/wishes.ts'
import { Belief } from '../../../src/limit/belief.ts'
import { Lanes } from '../../../src/limit/lanes.ts'
import { MemoryStore } from '../../../src/limit/memory.ts'
import { Pricer } from '../../../src/limit/price.ts'
import { Keys } from '../../../src/lockout/keys.ts'
import { type Asked, jsonOf } from '../asked.ts'
import type { Departure, VirtualExchange } from './exchange.ts'
import type { Network } from './network.ts'

/** What the bot gets. */
export interface Answered {
  readonly status: number
  readonly json: unknown
  /** What weir decided; undefined when it was not asked. */
  readonly decision: string | undefined
  /** Code of a refusal that weir made itself. */
  readonly error: string | undefined
  /** From Retry-After. */
  readonly retryAfterMs: number
}

/** A way to the exchange, for the bot of that name. */
export type Way = (asked: Asked, bot: string) => Promise<Answered>

/** Where all of a way's calls come from: a documentation address (RFC 5737). */
const ADDRESS = '203.0.113.7'

/** Nothing in between. */
export const straight =
  (network: Network, exchange: VirtualExchange): Way =>
  (asked) => {
    const { promise, resolve } = Promise.withResolvers<Answered>()
    const { host = 'api.kraken.com', method = 'GET', path: target, headers = {}, body } = asked
    const arrival = { host, method, target, headers: lowered(headers), body: bytes(body), ip: ADDRESS }
    network.cross(() => {
      const answer = exchange.answer(arrival)
      network.cross(() => resolve(answered(answer.status, answer.headers, answer.body)))
    })
    return promise
  }

export interface WeirParts {
  readonly clock: Clock
  readonly network: Network
  readonly exchange: VirtualExchange
  /** Text of limits.yaml. */
  readonly config: string
  readonly tell?: Observer
}

/** Through weir's own road, from identify to forward. */
export const throughWeir = ({ clock, network, exchange, config, tell = () => {} }: WeirParts): Way => {
  const loaded = loadRules(config, 'limits.yaml', {})
  if (!loaded.ok) throw new Error(loaded.issues.map((issue) => JSON.stringify(issue)).join('\n'))
  const { rules } = loaded
  const store = new MemoryStore(clock, () => rules.coldStart)
  const lanes = new Lanes({ store, clock, maxQueueBytes: () => rules.maxQueueBytes, tell })
  const { orders, pairsOf, hear, miss } = startLearning({ rules: () => rules, clock, store, send: () => probes })
  const serverClocks = new ServerClocks(clock)
  const breakers = new Breakers({
    clock,
    chance: () => 0.5,
    observer: tell,
    hosts: () => rules.hosts,
    journal: { write: () => {} },
    onOpen: () => {},
    wantProbe: () => Promise.resolve(),
  })
  const pricer = new Pricer(orders)
  const belief = new Belief({ clock, store, pricer, diagnose, coldStart: () => rules.coldStart, tell })
  const { bots, probes } = buildRoad({
    rules: () => rules,
    clock,
    tell,
    fingerprints: new Fingerprints(Buffer.from('virtual')),
    pairsOf,
    cache: { store: new CacheMemory(rules.cacheBytes), proofs: new Proofs(clock), clock },
    breakers,
    keys: new Keys(clock),
    limit: { lanes, store, pricer, belief, serverClocks, clock },
    forward: {
      dispatch: ({ host }) => dispatcher(host, network, exchange),
      host: (name) => rules.hosts.get(name),
      clock,
      serverClocks,
      learn: hear,
      miss,
    },
  })
  let calls = 0
  return async (asked, bot) => {
    calls += 1
    const call = callOf(asked, bot, String(calls), clock)
    const reply = await bots(call)
    return { ...answeredBy(reply), decision: call.record.decision, error: call.record.error }
  }
}

/** Stands where undici's pool does: a request crosses, is judged, and its answer crosses back. */
const dispatcher =
  (host: string, network: Network, exchange: VirtualExchange): Dispatch =>
  ({ method, path, headers, body }, handler) => {
    const state = { aborted: false, paused: false, reason: null, rawHeaders: [] as Buffer[], rawTrailers: [] }
    const controller = { ...state, abort: () => {}, pause: () => {}, resume: () => {} }
    handler.onRequestStart?.(controller, {})
    const arrival = {
      ...{ host, method, target: path, headers: lowered(paired(headers as string[])) },
      ...{ body: (body ?? undefined) as Buffer | undefined, ip: ADDRESS },
    }
    network.cross(() => {
      const answer = exchange.answer(arrival)
      network.cross(() => {
        if (network.loses(path)) {
          handler.onResponseError?.(controller, new Error('the connection was reset'))
          return
        }
        controller.rawHeaders = Object.entries(answer.headers)
          .flat()
          .map((text) => Buffer.from(text, 'latin1'))
        handler.onResponseStart?.(controller, answer.status, {}, '')
        handler.onResponseData?.(controller, answer.body)
        handler.onResponseEnd?.(controller, {})
      })
    })
  }

const callOf = (asked: Asked, bot: string, id: string, clock: Clock): Call => {
  const { host = 'api.kraken.com', method = 'GET', path: target, headers = {}, body } = asked
  const wishes = readWishes(lowered(headers))
  if (wishes instanceof Error) throw wishes
  const [path = '/', query = ''] = target.split('?')
  const sent = Object.entries(headers).filter(([name]) => !/^x-weir-/i.test(name))
  return {
    id,
    startedAt: clock.now(),
    request: {
      ...{ method, host, port: 443, target, path, query },
      headers: ['Host', host, ...sent.flat()],
      body: bytes(body),
    },
    wishes,
    bot,
    presence: new Presence(),
    record: newRecord(),
    early: undefined,
  }
}

const answeredBy = ({ status, headers, body }: Reply): Answered => {
  if (!Buffer.isBuffer(body)) throw new Error('answers of this size are not expected here')
  return answered(status, paired(headers), body)
}

const answered = (status: number, headers: Departure['headers'], body: Buffer): Answered => ({
  status,
  json: jsonOf(body.toString('utf8')),
  decision: undefined,
  error: undefined,
  retryAfterMs: Number(lowered(headers)['retry-after'] ?? 0) * 1000,
})

const bytes = (body: string | undefined): Buffer | undefined => (body === undefined ? undefined : Buffer.from(body))

const lowered = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))

const paired = (headers: readonly string[]): Record<string, string> => {
  const pairs: Record<string, string> = {}
  for (let at = 0; at < headers.length; at += 2) pairs[headers[at] ?? ''] = headers[at + 1] ?? ''
  return pairs
}
