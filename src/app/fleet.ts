// One weir among several: the way to Redis, the secret under which all of them hash key ids, and the counters that they share.
// Weir starts without Redis only when it knows that secret from before; else its hashes would be nobody else's.

import { createHmac, randomBytes } from 'node:crypto'
import { type Clock, every } from '../core/clock.ts'
import type { Rules } from '../core/rules.ts'
import type { Millis } from '../core/units.ts'
import type { PartView, StoreView } from '../core/views.ts'
import { Bots } from '../limit/bots.ts'
import { carrierOver } from '../limit/shared/carrier.ts'
import { SharedStore } from '../limit/shared/store.ts'
import type { Log } from '../observe/log.ts'
import { AddressError, parseAddress, shownOf } from '../redis/address.ts'
import { connect, type RedisConnection } from '../redis/connection.ts'
import { type Eviction, evictionOf } from '../redis/eviction.ts'
import type { Database } from '../state/database.ts'
import { StartError } from './start-error.ts'

/** A first start waits so long for Redis. */
const FIRST_START_MS: Millis = 3000
const TRY_EVERY_MS: Millis = 50
const HICCUP_MS: Millis = 1000
const EVICTION_EVERY_MS: Millis = 60_000
const SECRET_KEY = 'weir:secret'

export interface FleetParts {
  /** Of Redis; may hold a password. */
  readonly url: string
  readonly clock: Clock
  readonly database: Database
  readonly rules: () => Rules
  readonly log: Log
  /** How often it is looked whether Redis may drop keys; every minute unless given. */
  readonly evictionEveryMs?: Millis
}

/** What this weir has in common with others. */
export interface Fleet {
  readonly store: SharedStore
  /** Hears who calls. */
  readonly bots: Bots
  readonly redis: RedisConnection
  /** Hashes key ids; the same in the whole fleet. */
  readonly secret: Buffer
  view(): StoreView
  part(): PartView
  /** Questions to Redis about counters that got no answer. */
  errors(): number
  /** Says goodbye, so that the others need not keep a share for this weir. */
  close(): Promise<void>
}

/** Joins the weirs at that Redis. @throws StartError */
export const joinFleet = async (parts: FleetParts): Promise<Fleet> => {
  const { url, clock, database, rules, log, evictionEveryMs = EVICTION_EVERY_MS } = parts
  const address = addressOf(url)
  const redis = connect(address, clock)
  const eviction = evictionCheck(redis, shownOf(address), log)
  const secret = await fleetSecret(parts, redis, shownOf(address), eviction.look).catch((error: unknown) => {
    redis.close()
    throw error
  })
  let errors = 0
  const me = randomBytes(8).toString('hex')
  const replaces = database.kept('member')
  const bots = new Bots(clock)
  const store = new SharedStore({
    carrier: carrierOver(redis, () => {
      errors += 1
    }),
    clock,
    me,
    home: createHmac('sha256', database.secret()).update('home').digest('hex').slice(0, 16),
    replaces,
    idleMs: replaces === undefined ? undefined : idleMs(database, clock),
    coldStart: () => rules().coldStart,
    yieldMs: () => rules().yieldMs,
    bots: (exchange) => (rules().split === 'weighted' ? bots.count(exchange) : undefined),
    onFailure: () => rules().onStoreFailure,
    changed: (_, isTogether) => {
      if (isTogether) arrived()
      // A hiccup that is over when it would be told is none of an operator's.
      clock.after(HICCUP_MS, look)
    },
  })
  const restore = secretKeeper(redis, secret, log)
  const arrived = (): void => {
    // From now on the others keep a share for this process, which the next one gives back.
    database.keep('member', me)
    database.keep('left', '')
    // Even in a moment, another may have taken its place, with settings of its own, or it may have been emptied.
    eviction.lookAgain()
    void restore()
  }
  // Whoever does as the warning says is to see it gone, though Redis was never away.
  const watch = every(clock, () => evictionEveryMs, eviction.lookAgain, ignored)
  const together = (): boolean => store.standing().every((one) => one.together)
  let told: boolean | undefined
  const look = (): void => {
    if (together() === told) return
    told = together()
    tell(log, view(), shownOf(address), told ? undefined : why())
  }
  const why = (): string => redis.trouble() ?? 'it does not answer'
  const view = (): StoreView => ({ onFailure: rules().onStoreFailure, exchanges: store.standing() })
  store.start(rules().exchanges.map(({ name }) => name))
  return {
    store,
    bots,
    redis,
    secret: Buffer.from(secret, 'hex'),
    view,
    part: () => partOf(view(), shownOf(address), why(), eviction.found()),
    errors: () => errors,
    close: async () => {
      watch.cancel()
      await store.stop()
      database.keep('left', String(clock.wall()))
      redis.close()
    },
  }
}

/** A process that was killed may have spent until a moment ago. */
const idleMs = (database: Database, clock: Clock): Millis => {
  const left = Number(database.kept('left') || clock.wall())
  return Math.max(0, clock.wall() - left)
}

const addressOf = (url: string) => {
  try {
    return parseAddress(url)
  } catch (error) {
    throw error instanceof AddressError ? new StartError(`--redis: ${error.message}`) : error
  }
}

/** The secret of the fleet, from Redis or as remembered. */
const fleetSecret = async (
  { clock, database, log }: FleetParts,
  redis: RedisConnection,
  shown: string,
  checkEviction: () => Promise<Eviction | undefined>,
): Promise<string> => {
  const known = database.kept('fleet')
  const until = clock.now() + (known === undefined ? FIRST_START_MS : TRY_EVERY_MS)
  let why = 'it does not answer'
  do {
    try {
      const eviction = await checkEviction()
      if (eviction?.certain === true) throw new StartError(`${shown} ${eviction.message}`)
      await redis.command('SET', SECRET_KEY, known ?? randomBytes(32).toString('hex'), 'NX')
      const found = String(await redis.command('GET', SECRET_KEY))
      if (known !== undefined && known !== found) log.warn(OTHER_SECRET)
      database.keep('fleet', found)
      return found
    } catch (error) {
      if (error instanceof StartError) throw error
      why = error instanceof Error ? error.message : why
    }
    await new Promise<void>((resolve) => clock.after(TRY_EVERY_MS, resolve))
  } while (clock.now() < until)
  if (known === undefined) {
    throw new StartError(
      `${shown} can not be used (${why}), and this weir has never met the others: it can not join them`,
    )
  }
  return known
}

const OTHER_SECRET =
  'Redis holds another secret than this weir remembers: weirs that run since before hash keys otherwise; restart them'

/** A Redis that was emptied gets the secret back, before a new weir makes up another. Warns once of each other secret. */
const secretKeeper = (redis: RedisConnection, secret: string, log: Log) => {
  let found = secret
  return async (): Promise<void> => {
    try {
      await redis.command('SET', SECRET_KEY, secret, 'NX')
      const there = String(await redis.command('GET', SECRET_KEY))
      if (there !== secret && there !== found) log.warn(OTHER_SECRET)
      found = there
    } catch {
      // It went away again; this is done anew when it is back.
    }
  }
}

/** It is away, and others say so. */
const ignored = (): void => {}

/**
 * `look` asks whether Redis drops keys, and warns of it, once of each way in which it may; `lookAgain` asks without waiting, and
 * changes nothing when there is no answer; `found` is what was seen last.
 */
const evictionCheck = (redis: RedisConnection, shown: string, log: Log) => {
  const told = new Set<string>()
  let found: Eviction | undefined
  const look = async (): Promise<Eviction | undefined> => {
    found = await evictionOf(redis)
    if (found !== undefined && !told.has(found.message)) log.warn(`Redis ${found.message}`, { redis: shown })
    if (found !== undefined) told.add(found.message)
    return found
  }
  return { look, lookAgain: () => void look().catch(ignored), found: () => found }
}

/** @param why it is away; undefined when it is not */
const tell = (log: Log, view: StoreView, redis: string, why: string | undefined): void => {
  const [first] = view.exchanges
  const fields = { redis, members: first?.members, share: first?.share, ...(why === undefined ? {} : { why }) }
  if (why === undefined) log.info('limits are shared with the other weirs', fields)
  else if (view.onFailure === 'closed') log.warn('Redis is away: nothing that is held is sent until it is back', fields)
  else if ((first?.share ?? 0) === 0) log.warn('Redis is away: this weir has no share yet, and waits for it', fields)
  else log.warn('Redis is away: this weir lives on its share of every limit', fields)
}

const partOf = (
  { exchanges, onFailure }: StoreView,
  shown: string,
  why: string,
  eviction: Eviction | undefined,
): PartView => {
  const away = exchanges.filter(({ together }) => !together)
  const [first] = away.length > 0 ? away : exchanges
  const share = `${Math.round((first?.share ?? 0) * 100)} %`
  return {
    name: 'redis',
    healthy: away.length === 0 && eviction?.certain !== true,
    message:
      away.length === 0
        ? `${shown} answers, ${first?.members ?? 1} together${eviction === undefined ? '' : `; it ${eviction.message}`}`
        : `${shown} is away (${why}): ${onFailure === 'closed' ? 'nothing that is held is sent' : `on a share of ${share}`}`,
  }
}
