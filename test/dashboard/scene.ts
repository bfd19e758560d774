// A lively scene to look at: a simulated Kraken and Coinbase, a weir before them, and bots with names that ask for a bit more
// than there is. Used by the tests of the dashboard and for its pictures.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Asked } from '../support/asked.ts'
import { type Exchange, startExchange } from '../support/exchange/exchange.ts'
import { startWeir, type Weir, type WeirOptions } from '../support/weir.ts'
import { openClient } from '../system/client.ts'
import { advancedGet, krakenPoster } from '../system/sign.ts'

export interface Scene extends AsyncDisposable {
  readonly exchange: Exchange
  readonly weir: Weir
  /** Sets the bots to work; the function returned makes them hang up, as the end of the scene does. */
  bots(): () => Promise<void>
}

/** A bot: its name, how long it rests after a call, and the calls that it makes in turn. */
interface Part {
  readonly name: string
  readonly restMs: number
  readonly next: (round: number) => Asked
}

/** Sets the stage; nobody calls yet. */
export async function openScene(options: Omit<WeirOptions, 'exchange'> = {}): Promise<Scene> {
  const exchange = await startExchange({ latencyMs: 20, jitterMs: 30, seed: 7 })
  const weir = await startWeir({ ...options, exchange })
  const hangUps: (() => Promise<void>)[] = []
  return {
    exchange,
    weir,
    bots: () => {
      const hangUp = setToWork(weir, cast(exchange))
      hangUps.push(hangUp)
      return hangUp
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(hangUps.map((hangUp) => hangUp()))
      await weir[Symbol.asyncDispose]()
      await exchange.close()
    },
  }
}

function setToWork(weir: Weir, parts: readonly Part[]): () => Promise<void> {
  const quit = new AbortController()
  const done = parts.map(async ({ name, restMs, next }) => {
    const client = openClient(weir, { name })
    quit.signal.addEventListener('abort', () => client.close())
    for (let round = 0; !quit.signal.aborted; round += 1) {
      // What becomes of a call is for the page to show.
      await client.send(next(round)).catch(() => undefined)
      await sleep(restMs, undefined, { signal: quit.signal }).catch(() => undefined)
    }
  })
  return async () => {
    quit.abort()
    await Promise.all(done)
  }
}

const PAIRS = ['XBTUSD', 'ETHUSD', 'SOLUSD']
const READS = ['Balance', 'OpenOrders', 'TradesHistory', 'Ledgers']

function cast(exchange: Exchange): readonly Part[] {
  const market = krakenPoster(exchange.krakenKey('scene maker'))
  const books = krakenPoster(exchange.krakenKey('scene books'))
  const coinbase = exchange.coinbaseKey('scene')
  const pair = (round: number) => PAIRS[round % PAIRS.length] ?? 'XBTUSD'
  const order = { type: 'buy', ordertype: 'limit', price: '1', volume: '0.1' }
  return [
    {
      name: 'maker',
      restMs: 900,
      next: (round) => market(round % 2 === 0 ? 'AddOrder' : 'OpenOrders', { ...order, pair: pair(round) }),
    },
    { name: 'journal', restMs: 1_500, next: (round) => books(READS[round % READS.length] ?? 'Balance') },
    { name: 'taxes', restMs: 4_000, next: () => books('Ledgers') },
    { name: 'scanner', restMs: 1_000, next: () => ({ path: '/0/public/Time' }) },
    { name: 'screener', restMs: 300, next: () => ({ path: '/0/public/Ticker?pair=XBTUSD' }) },
    { name: 'charts', restMs: 400, next: (round) => ({ path: `/0/public/OHLC?pair=${pair(round)}` }) },
    { name: 'rebalancer', restMs: 300, next: () => advancedGet(coinbase, 'accounts') },
  ]
}
