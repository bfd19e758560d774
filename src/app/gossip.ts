// What weirs of one fleet tell each other and the world beside the limits: breakers, orders, and the names that outsiders read.

import { randomBytes } from 'node:crypto'
import type { Breakers } from '../breaker/breakers.ts'
import { SharedBreakers } from '../breaker/shared.ts'
import type { Clock } from '../core/clock.ts'
import type { Observer } from '../core/events.ts'
import type { Rules } from '../core/rules.ts'
import type { BucketStore } from '../limit/store.ts'
import { limitViews } from '../limit/view.ts'
import type { Lately } from '../observe/lately.ts'
import type { Orders } from '../orders/ages.ts'
import { SharedOrders } from '../orders/shared.ts'
import type { RedisConnection } from '../redis/connection.ts'
import { Names } from '../redis/names.ts'

export interface GossipParts {
  readonly redis: RedisConnection
  readonly clock: Clock
  readonly rules: () => Rules
  readonly store: BucketStore
  readonly lately: Lately
  /** Those who hear; asked for once there is something to hear. */
  readonly breakers: () => Breakers
  readonly orders: () => Orders
}

/** The other weirs, to tell and to hear. */
export interface Gossip {
  readonly breakers: SharedBreakers
  readonly orders: SharedOrders
  readonly observer: Observer
  /** Resolves once what the others know already is known here, or Redis is known to be away. */
  start(): Promise<void>
  /** Resolves once the last events are written, or Redis is known to be away. */
  stop(): Promise<void>
}

/** Nothing is told or heard before `start`. */
export const gossip = (parts: GossipParts): Gossip => {
  const { redis, clock, rules, store, lately } = parts
  const common = { redis, clock, me: randomBytes(8).toString('hex') }
  const breakers = new SharedBreakers({
    ...common,
    hosts: () => [...rules().hosts.values()].map(({ host, exchange }) => [host, exchange.name] as const),
    hear: (host, news) => parts.breakers().hear(host, news),
  })
  const orders = new SharedOrders({ ...common, hear: (news) => parts.orders().hear(news) })
  const names = new Names({
    ...common,
    exchanges: () => rules().exchanges.map(({ name }) => name),
    exchangeOf: (host) => rules().hosts.get(host)?.exchange.name,
    limits: () => limitViews(store.levels()),
    breakers: () => parts.breakers().view(),
    lately: () => lately.counts(undefined),
  })
  return {
    breakers,
    orders,
    observer: names.observer,
    start: async () => {
      await Promise.all([breakers.start(), orders.start()])
      names.start()
    },
    stop: async () => {
      for (const part of [breakers, orders]) part.stop()
      await names.stop()
    },
  }
}
