// A trace as calls that can be priced and sent: the layers of weir's own road say whose each is and of which class. What a bot
// signed, and with what, is dropped here: a planned call holds no header, no query and no body, unless it is a public GET.

import { sortedQuery } from '../cache/params.ts'
import { classify } from '../classify/layer.ts'
import { unlistedPairs } from '../classify/pair.ts'
import {
  type Call,
  type ClassifiedCall,
  type IdentifiedCall,
  NO_FACTS,
  newRecord,
  type ProxyRequest,
  type Reply,
} from '../core/call.ts'
import { Presence } from '../core/presence.ts'
import type { EndpointClass, Rules } from '../core/rules.ts'
import { type Handler, Stack } from '../core/stack.ts'
import type { Millis, Tokens } from '../core/units.ts'
import type { Fingerprints } from '../identify/credential.ts'
import { identify } from '../identify/layer.ts'
import type { Asked, Logged } from './item.ts'
import type { Placed } from './trace.ts'

/** A call of the trace that an exchange would have to serve. */
export interface PlannedCall extends ClassifiedCall {
  readonly atMs: Millis | undefined
  readonly tookMs: Millis
  /** What it has cost before, by a log; undefined when only its price is known. */
  readonly paid: Tokens | undefined
  /** What a public GET asks, in one spelling; undefined for all that a cache should not answer, or whose path is unknown. */
  readonly question: string | undefined
}

/** All that a trace holds. */
export interface Gathered {
  /** In order of time where all have one; else as they stand. */
  readonly calls: readonly PlannedCall[]
  /** Calls to hosts that limits.yaml does not have, by host. */
  readonly elsewhere: ReadonlyMap<string, number>
  /** Calls that never reached an exchange, by a log. */
  readonly answered: number
  /** Records that make no sense. */
  readonly broken: readonly { readonly place: string; readonly message: string }[]
}

/** Reads to the end. `fingerprints` should have a secret of its own: hashes of keys only tell them apart here. */
export const gather = async (
  items: AsyncIterable<readonly Placed[]>,
  rules: Rules,
  fingerprints: Fingerprints,
): Promise<Gathered> => {
  const understand = reader(rules, fingerprints)
  const calls: PlannedCall[] = []
  const elsewhere = new Map<string, number>()
  const broken: { place: string; message: string }[] = []
  let answered = 0
  const take = async ({ place, item }: Placed): Promise<void> => {
    if (item.what === 'broken') broken.push({ place, message: item.message })
    else if (item.what === 'answered') answered += 1
    else {
      const host = item.what === 'call' ? item.call.host : item.host
      const call = item.what === 'call' && rules.hosts.has(host) ? await understand(item, place) : undefined
      if (call === 'unknown class') broken.push({ place, message: 'is of a class that limits.yaml does not have' })
      else if (call === undefined) elsewhere.set(host, (elsewhere.get(host) ?? 0) + 1)
      else calls.push(call)
    }
  }
  for await (const some of items) for (const item of some) await take(item)
  if (hasTimes(calls)) calls.sort((a, b) => (a.atMs ?? 0) - (b.atMs ?? 0))
  return { calls, elsewhere, answered, broken }
}

/** Whether the trace can be played as it was. */
export const hasTimes = (calls: readonly PlannedCall[]): boolean =>
  calls.length > 0 && calls.every(({ atMs }) => atMs !== undefined)

type Understand = (asked: Asked, id: string) => Promise<PlannedCall | 'unknown class'>

const reader = (rules: Rules, fingerprints: Fingerprints): Understand => {
  const host = (name: string) => rules.hosts.get(name)
  const classes = new Map(rules.exchanges.flatMap((exchange) => exchange.classes.map((rule) => [rule.id, rule])))
  const road = Stack.of<Call>().push(identify({ host, fingerprints, rules: () => rules }))
  const identified = endOf((keep: Handler<IdentifiedCall>) => road.serve(keep))
  const classified = endOf((keep: Handler<ClassifiedCall>) =>
    road.push(classify({ host, pairsOf: unlistedPairs })).serve(keep),
  )
  return async (asked, id) => {
    const { call } = asked
    if (!('class' in call)) return fromRequest(asked, call, await classified(callOf(asked, call, id)))
    const rule = classes.get(call.class)
    if (rule === undefined) return 'unknown class'
    return fromLog(asked, call, rule, await identified(callOf(asked, bare(call), id)))
  }
}

/** What a call has become at the end of a road. */
const endOf = <Known>(serve: (keep: Handler<Known>) => Handler<Call>): ((call: Call) => Promise<Known>) => {
  let last: Known | undefined
  const handle = serve((call) => {
    last = call
    return Promise.resolve(NO_REPLY)
  })
  return async (call) => {
    await handle(call)
    if (last === undefined) throw new Error('a call of a known host did not reach the end')
    return last
  }
}

const NO_REPLY: Reply = { status: 200, statusText: '', headers: [], body: Buffer.alloc(0), trailers: undefined }

const PRESENCE = new Presence()
const RECORD = newRecord()

const callOf = ({ bot }: Asked, request: ProxyRequest, id: string): Call => ({
  id,
  startedAt: 0,
  request,
  wishes: { maxWaitMs: undefined, priority: undefined, skipCache: false },
  bot,
  // Whoever sends the call gives it a presence and a record of its own.
  presence: PRESENCE,
  record: RECORD,
  early: undefined,
})

const fromRequest = ({ atMs, tookMs }: Asked, request: ProxyRequest, call: ClassifiedCall): PlannedCall => {
  const question = questionOf(request, call)
  const kept = question === undefined ? bare(request) : request
  return { ...call, request: kept, atMs, tookMs, paid: undefined, question }
}

const fromLog = (
  { atMs, tookMs }: Asked,
  { credential, paid }: Logged,
  rule: EndpointClass,
  call: IdentifiedCall,
): PlannedCall => {
  const identity = { credential, account: credential }
  // A cancel is of some order, and none is named.
  const facts = rule.kind === 'cancel' ? { ...NO_FACTS, orderIds: ['?'] } : NO_FACTS
  return { ...call, identity, rule, facts, atMs, tookMs, paid, question: undefined }
}

const bare = ({
  method,
  host,
  path = '',
}: Pick<ProxyRequest, 'method' | 'host'> & { path?: string }): ProxyRequest => ({
  ...{ method, host, port: 443, path, target: path, query: '' },
  ...{ headers: [], body: undefined },
})

const questionOf = (
  { method, host, path, query }: ProxyRequest,
  { rule, identity }: ClassifiedCall,
): string | undefined =>
  method === 'GET' && rule.kind === 'read' && identity.credential === undefined
    ? `${host}${path}?${sortedQuery(query)}`
    : undefined
