// Bots with habits over real sockets, each with connections of its own: what they want is written for any way to an
// exchange, and here the way is a real one.

import { setTimeout as sleep } from 'node:timers/promises'
import { realClock } from '../../src/core/clock.ts'
import type { Asked } from '../support/asked.ts'
import type { Exchange } from '../support/exchange/exchange.ts'
import type { KrakenKey } from '../support/exchange/keys.ts'
import { signKraken } from '../support/exchange/keys.ts'
import { pause, served } from '../support/virtual/errands.ts'
import { makeMarket } from '../support/virtual/market-maker.ts'
import type { Way } from '../support/virtual/way.ts'
import type { Weir } from '../support/weir.ts'
import { openClient } from './client.ts'
import { exchangeGet, krakenPoster } from './sign.ts'

/** Where the bots work, and until when (of the real clock). */
export interface Site {
  readonly weir: Pick<Weir, 'proxy' | 'caFile'>
  readonly exchange: Exchange
  readonly untilMs: number
}

/** Places and takes back orders on three pairs, all under one key. */
export const marketMaker = async ({ weir, exchange, untilMs }: Site): Promise<void> => {
  await using client = real(weir)
  const post = krakenPoster(exchange.krakenKey('maker'))
  await makeMarket({ clock: realClock, way: client.way, post, pairs: ['XBTUSD', 'ETHUSD', 'SOLUSD'], untilMs })
}

/** Two programs on one key: each takes its nonces from the machine's clock, and neither waits for the other. */
export const sharers = async (site: Site): Promise<void> => {
  const key = site.exchange.krakenKey('shared')
  const program = async (name: string): Promise<void> => {
    await using client = real(site.weir)
    const worker = async (): Promise<void> => {
      while (realClock.now() < site.untilMs) {
        const answer = await client.way(balance(key), name)
        if (!served(answer)) await pause(realClock, Math.max(20, answer.retryAfterMs))
      }
    }
    await Promise.all([worker(), worker(), worker()])
  }
  await Promise.all([program('first'), program('second')])
}

/** Five bots that ask for the same things at the same moments, as if a candle had closed. */
export const candleWatchers = async ({ weir, untilMs }: Site): Promise<void> => {
  const pairs = ['XBTUSD', 'ETHUSD', 'SOLUSD', 'XRPUSD']
  const asks = pairs.flatMap((pair) => [`OHLC?pair=${pair}&interval=1`, `Ticker?pair=${pair}`])
  const bot = async (): Promise<void> => {
    await using client = real(weir)
    for (let closeMs = realClock.now() + 1000; closeMs < untilMs; closeMs += 6000) {
      await sleep(Math.max(0, closeMs - realClock.now()))
      await Promise.all(asks.map((ask) => client.way({ path: `/0/public/${ask}` }, 'watcher')))
    }
  }
  await Promise.all(Array.from({ length: 5 }, bot))
}

/** Readers of a Coinbase Exchange profile who never have enough, and sign with a timestamp. */
export const auditors = async ({ weir, exchange, untilMs }: Site): Promise<void> => {
  const key = exchange.coinbaseExchangeKey('profile')
  const bot = async (): Promise<void> => {
    await using client = real(weir)
    while (realClock.now() < untilMs) {
      const answer = await client.way(exchangeGet(key, '/accounts'), 'auditor')
      if (!served(answer)) await pause(realClock, Math.max(20, answer.retryAfterMs))
    }
  }
  await Promise.all(Array.from({ length: 20 }, bot))
}

interface RealWay extends AsyncDisposable {
  readonly way: Way
}

const real = (weir: Site['weir']): RealWay => {
  const client = openClient(weir)
  return {
    way: async (asked: Asked) => {
      const { status, headers, json, decision } = await client.send(asked)
      const error = headers['x-weir-error']
      const retryAfterMs = Number(headers['retry-after'] ?? 0) * 1000
      return { status, json, decision, retryAfterMs, error: error === undefined ? undefined : String(error) }
    },
    [Symbol.asyncDispose]: async () => client.close(),
  }
}

const balance = (key: KrakenKey): Asked => {
  const path = '/0/private/Balance'
  const nonce = Math.floor((performance.timeOrigin + performance.now()) * 1000)
  return { method: 'POST', path, ...signKraken({ path, key, nonce }) }
}
