// weir, put together: everything that touches the world is made here and handed inward.

import { Cases } from '../autopsy/cases.ts'
import { diagnose } from '../autopsy/diagnose.ts'
import { Breakers } from '../breaker/breakers.ts'
import type { BreakerSnapshot } from '../breaker/snapshot.ts'
import type { MemoryStore as CacheMemory } from '../cache/memory.ts'
import type { PairsOf } from '../classify/pair.ts'
import type { Settings } from '../config/environment.ts'
import { type Clock, realChance, realClock } from '../core/clock.ts'
import { WeirError } from '../core/errors.ts'
import { type Observer, tee } from '../core/events.ts'
import type { BucketRule, Rules } from '../core/rules.ts'
import { ServerClocks } from '../core/server-clock.ts'
import type { Millis } from '../core/units.ts'
import type { ReachView } from '../core/views.ts'
import { Pools } from '../forward/pool.ts'
import { Fingerprints } from '../identify/credential.ts'
import { createInbound, type InboundServer } from '../inbound/listener.ts'
import { Belief } from '../limit/belief.ts'
import { Lanes } from '../limit/lanes.ts'
import { Pricer } from '../limit/price.ts'
import { accountAndPair, type BucketStore } from '../limit/store.ts'
import { limitViews } from '../limit/view.ts'
import { Keys } from '../lockout/keys.ts'
import { History } from '../observe/history.ts'
import { Lately } from '../observe/lately.ts'
import { createLog, type Log } from '../observe/log.ts'
import { createMetrics, type Metrics } from '../observe/metrics.ts'
import { createRecent, type Recent } from '../observe/recent.ts'
import { Spenders } from '../observe/spenders.ts'
import type { OrderNews } from '../orders/ages.ts'
import { replyTo } from '../rescue/layer.ts'
import { callIds } from './call-ids.ts'
import { Certificates } from './certificates.ts'
import { type Fleet, joinFleet } from './fleet.ts'
import { type Gossip, gossip } from './gossip.ts'
import { historyJournal, keepOrder, keysJournal, lanesJournal, ownStore } from './journals.ts'
import { openCache } from './keeping.ts'
import { startLearning } from './learning.ts'
import { Notes } from './notes.ts'
import { prober } from './probe.ts'
import { reach } from './reach.ts'
import { exchangeLookup } from './resolver.ts'
import { buildRoad } from './road.ts'
import { Rulebook } from './rulebook.ts'
import { openState, type State } from './state.ts'
import { startTracing } from './tracing.ts'
import { createWatch, type Watch } from './watch.ts'
import { bracketed, extraTrust, isRerouted, refuseLoops, routes } from './ways.ts'

/** How long calls in flight may take to finish once weir is told to stop. */
const STOP_GRACE_MS: Millis = 10_000

/** The parts of a weir that others look into. */
export interface App {
  readonly settings: Settings
  readonly log: Log
  readonly clock: Clock
  readonly rulebook: Rulebook
  readonly state: State
  readonly store: BucketStore
  /** Undefined when the limits are shared with nobody. */
  readonly fleet: Fleet | undefined
  readonly lanes: Lanes
  readonly pricer: Pricer
  /** What is known of the names of pairs. */
  readonly pairsOf: PairsOf
  readonly breakers: Breakers
  readonly cache: CacheMemory
  readonly metrics: Metrics
  readonly recent: Recent
  readonly cases: Cases
  readonly lately: Lately
  readonly history: History
  readonly spenders: Spenders
  readonly watch: Watch
  readonly certificates: Certificates
  readonly inbound: InboundServer
  readonly notes: Notes
  /** Tries to reach every exchange. */
  readonly reach: () => Promise<readonly ReachView[]>
  /** Where bots connect, with the port that was bound. */
  readonly proxy: () => string
  /** Why no calls are taken; undefined while they are. */
  readonly notServing: () => string | undefined
  /** Opens the port for bots; resolves with the port that was bound. @param admin where weir can be asked */
  listen(admin?: string): Promise<number>
  /** No new calls; those that wait are refused, those in flight finish; state is saved. */
  stop(): Promise<void>
}

/** Builds a weir; nothing listens yet. @throws RulesError, AuthorityError, StartError */
export const buildApp = async (
  settings: Settings,
  env: Readonly<Record<string, string | undefined>>,
  log: Log = createLog(settings.logLevel),
  clock: Clock = realClock,
): Promise<App> => {
  const recent = createRecent(clock)
  const lately = new Lately(clock)
  const observers: Observer[] = [recent.observer, lately.observer, log.observer]
  const tell = tee(observers)
  const cases = new Cases(clock, tell)
  observers.push(cases.observer)
  const rulebook = await Rulebook.open({ file: settings.config, env, clock, tell })
  const rules = () => rulebook.rules
  const state = openState(settings, clock, log)
  const { database } = state

  const { redis } = settings
  const fleet = redis === undefined ? undefined : await joinFleet({ url: redis, clock, database, rules, log })
  const store = fleet?.store ?? ownStore(clock, () => rules().coldStart, database)
  store.retune(bucketsOf(rules()))
  const limits = () => limitViews(store.levels())
  const history = new History({ clock, tell, limits, journal: historyJournal(database) })
  const spenders = new Spenders(clock)
  observers.push(history.observer, spenders.observer)

  const lanes = new Lanes({
    store,
    clock,
    maxQueueBytes: () => rules().maxQueueBytes,
    tell,
    journal: lanesJournal(database, log),
  })
  const others: Gossip | undefined =
    fleet && gossip({ ...fleet, clock, rules, lately, breakers: () => breakers, orders: () => orders })
  const { orders, pairsOf, hear, miss } = startLearning({
    rules,
    clock,
    store,
    send: () => road.probes,
    tell: (news) => (others === undefined ? keepOrder(database, news) : others.orders.tell(news)),
  })
  if (others === undefined) {
    for (const { news, elapsedMs } of database.orders()) orders.restore(news as OrderNews, elapsedMs)
  }
  // Of an order that is forgotten all the same, a cancel is charged where it may belong.
  for (const { key } of database.levels()) {
    const known = accountAndPair(key)
    if (known !== undefined) orders.traded(known.account, known.pair)
  }
  const pricer = new Pricer(orders)
  const belief = new Belief({ clock, store, pricer, diagnose, coldStart: () => rules().coldStart, tell })

  const breakers = new Breakers({
    clock,
    chance: realChance,
    observer: tell,
    hosts: () => rules().hosts,
    journal: { write: (host, snapshot) => database.saveBreaker(host, snapshot) },
    onOpen: (host, openForMs) => clearLines(lanes, host, openForMs),
    wantProbe: prober(rules, clock, () => road.probes),
    fleet: others?.breakers,
  })
  for (const { key, value } of database.breakers()) breakers.restore(key, value as BreakerSnapshot)

  const keys = new Keys(clock, keysJournal(database))
  const storeErrors = () => fleet?.errors() ?? 0
  const send = () => road.probes
  const watched = { rulebook, rules, clock, store, lanes, pricer, breakers, keys, cases, lately, log, database }
  const watch = createWatch({ ...watched, storeErrors, send, tell })
  const tracing = await startTracing(env, clock, log)
  observers.push(...watch.observers, ...(tracing === undefined ? [] : [tracing.observer]))

  const metrics = createMetrics(rules().metricsPrefix, {
    rules,
    limits,
    queues: () => lanes.view(),
    breakers: () => breakers.view(),
    alerts: () => watch.alerts.list(true),
    store: () => fleet && { view: fleet.view(), errors: fleet.errors() },
  })
  observers.push(metrics.observer)
  if (others !== undefined) observers.push(others.observer)

  const trust = extraTrust(settings.upstreamCa)
  const route = routes(settings)
  const lookup = exchangeLookup({
    servers: settings.dns,
    onLoop: (host) => log.warn('a host leads back to weir', { host }),
  })
  const pools = new Pools({ trust, route, lookup })
  const serverClocks = new ServerClocks(clock)
  const cache = openCache({ rules, clock, fleet, log })
  const road = buildRoad({
    rules,
    clock,
    tell,
    fingerprints: new Fingerprints(fleet?.secret ?? database.secret()),
    pairsOf,
    cache,
    breakers,
    keys,
    limit: { lanes, store, pricer, belief, serverClocks, clock, bots: fleet?.bots },
    forward: {
      dispatch: ({ host, upstream }) => {
        const pool = pools.to(host, upstream)
        return (options, handler) => pool.dispatch(options, handler)
      },
      host: (name) => rules().hosts.get(name),
      clock,
      serverClocks,
      learn: hear,
      miss,
    },
  })

  const certificates = await Certificates.open(settings.stateDir, [...rules().hosts.keys()], clock, log)
  rulebook.onReplaced((replaced) => {
    store.retune(bucketsOf(replaced))
    cache.retune(replaced)
    certificates.cover([...replaced.hosts.keys()])
  })

  const notes = new Notes(log, clock)
  let stopping = false
  let boundPort = settings.listen.port
  const inbound = createInbound({
    handle: road.bots,
    failed: (call, error) => replyTo(call, error, rules(), clock.wall()),
    hosts: () => rules().hosts,
    tunnelPolicy: () => rules().tunnel,
    contextFor: (host) => certificates.contextFor(host),
    clock,
    nextId: callIds(),
    maxBody: () => rules().maxBody,
    routeTo: (host, port) => ({ ...route(host, port), chosen: isRerouted(settings, host, port), ca: trust }),
    name: 'weir',
    note: notes.note,
    exchangeLookup: lookup,
  })

  return {
    settings,
    log,
    clock,
    rulebook,
    state,
    store,
    fleet,
    lanes,
    pricer,
    pairsOf,
    breakers,
    cache: cache.store,
    metrics,
    recent,
    cases,
    lately,
    history,
    spenders,
    watch,
    certificates,
    inbound,
    notes,
    reach: () => reach({ rules, clock, route, trust, lookup, send: () => road.probes }),
    proxy: () => `http://${bracketed(settings.listen.host)}:${boundPort}`,
    notServing: () => (stopping ? 'stopping' : undefined),
    listen: async (admin) => {
      await others?.start()
      const { port } = await inbound.listen(settings.listen.host, settings.listen.port)
      refuseLoops(settings, port)
      boundPort = port
      state.listens(`http://${bracketed(settings.listen.host)}:${port}`, admin)
      rulebook.watch()
      history.start()
      watch.start()
      return port
    },
    stop: async () => {
      stopping = true
      state.leaves()
      rulebook.unwatch()
      history.stop()
      watch.stop()
      const stopped = inbound.stop(STOP_GRACE_MS, () => {
        lanes.stop()
        void pools.destroy()
      })
      lanes.stop()
      await stopped
      await pools.destroy()
      await others?.stop()
      await tracing?.stop()
      await fleet?.close()
      state.close()
    },
  }
}

const bucketsOf = ({ exchanges }: Rules): readonly BucketRule[] => exchanges.flatMap(({ buckets }) => buckets)

/** The exchange is unwell: whoever waits for it is told now, not when the turn would have come. */
const clearLines = (lanes: Lanes, host: string, openForMs: Millis | undefined): void =>
  lanes.evict(
    (waiter) => waiter.host === host,
    () => new WeirError('circuit_open', openForMs === undefined ? {} : { retryAfterMs: openForMs }),
  )
