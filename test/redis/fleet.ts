// Three whole weirs on one limit, twenty bots behind each that want more than there is, and an exchange that enforces.

import { availableParallelism, loadavg } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import { type Exchange, startExchange } from '../support/exchange/exchange.ts'
import { startWeir, type Weir } from '../support/weir.ts'
import { openClient } from '../system/client.ts'
import { exchangeGet } from '../system/sign.ts'
import { soon } from './pair.ts'

/** Coinbase Exchange, private: 30 at once, 15 per second (docs.cdp.coinbase.com/exchange, "Rate limits"). */
const AT_ONCE = 30
const PER_SECOND = 15
const BOTS = 20

export interface Fleet {
  readonly exchange: Exchange
  readonly weirs: Weir[]
  /** Kills a weir, and starts it again where it was after `afterMs`. */
  restart(index: number, afterMs: number): Promise<void>
  /** Lets the bots work; says which share of what came in meanwhile was used. */
  work(seconds: number): Promise<number>
  /** Lets them work until so many weirs share their limits, for at most half a minute; says the same. */
  workUntilShared(weirs: number): Promise<number>
  /** Share of all that was ever there. */
  efficiency(): number
}

/** Long runs are for people; CI gets short ones that still mean something. */
export const LONG = process.env.WEIR_LONG === '1'

const PATIENCE_MS = 30_000
/** Processes that want to run, for each core, above which a machine is too busy. */
const BUSY = 5
let saidBusy = false

/** Starts it. @param urls of Redis, one for each weir */
export const openFleet = async (
  urls: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Fleet> => {
  const exchange = await startExchange({ latencyMs: 20, jitterMs: 20, keep: 100_000 })
  onTestFinished(() => exchange.close())
  const weirs: Weir[] = []
  const start = (url: string, kept: Partial<Pick<Weir, 'stateDir' | 'port'>> = {}) =>
    startWeir({ exchange, env, args: ['--redis', url], ...kept })
  for (const url of urls) weirs.push(await start(url))
  onTestFinished(async () => {
    for (const weir of weirs) await weir[Symbol.asyncDispose]()
  })
  for (const weir of weirs) await weir.logged(/^limits are shared/)
  const key = exchange.coinbaseExchangeKey('fleet')
  const quit = new AbortController()
  const bots = weirs.flatMap((_, index) =>
    Array.from({ length: BOTS }, async () => {
      const caFile = weirs[index]?.caFile ?? ''
      const client = openClient({ proxy: weirs[index]?.proxy ?? '', caFile })
      while (!quit.signal.aborted) {
        const pauseMs = await client.send(exchangeGet(key, '/accounts')).then(
          ({ decision }) => (decision === 'forwarded' ? 0 : 250),
          () => 250,
        )
        if (pauseMs > 0) await sleep(pauseMs)
      }
      client.close()
    }),
  )
  onTestFinished(async () => {
    quit.abort()
    await Promise.all(bots)
  })
  const served = (): number => exchange.calls.filter(({ verdict }) => verdict === 'served').length
  const used = async (meanwhile: Promise<unknown>): Promise<number> => {
    const before = served()
    const from = performance.now()
    await meanwhile
    return (served() - before) / (PER_SECOND * ((performance.now() - from) / 1000))
  }
  return {
    exchange,
    weirs,
    restart: async (index, afterMs) => {
      const weir = weirs[index]
      if (weir === undefined) throw new Error(`no weir ${index}`)
      await weir.kill9()
      await sleep(afterMs)
      weirs[index] = await start(urls[index] ?? '', { stateDir: weir.stateDir, port: weir.port })
      onTestFinished(() => weir[Symbol.asyncDispose]())
    },
    work: (seconds) => used(sleep(seconds * 1000)),
    workUntilShared: (count) =>
      used(soon(async () => ((await sharing(weirs)) === count ? true : undefined), PATIENCE_MS)),
    efficiency: () => {
      const calls = exchange.calls.filter(({ verdict }) => verdict === 'served')
      const spanMs = (calls.at(-1)?.timeMs ?? 0) - (calls[0]?.timeMs ?? 0)
      return calls.length / (AT_ONCE + (PER_SECOND * spanMs) / 1000)
    },
  }
}

/** How many of these weirs share their limits just now. */
const sharing = async (weirs: readonly Weir[]): Promise<number> => {
  const pages = await Promise.all(weirs.map(async ({ admin }) => (await fetch(`${admin}/metrics`)).text()))
  return pages.filter((text) => text.includes('weir_store_together{exchange="coinbase_exchange"} 1')).length
}

/** What the judge has to say, in a form that a failed test shows whole. */
export const verdictOn = ({ exchange }: Pick<Fleet, 'exchange'>) => ({
  violations: exchange.violations.map(({ counter, level, cost }) => ({ counter, level, cost })),
  invalidNonces: exchange.report().invalidNonces,
})

/**
 * What has to be used at least. On a machine with far more to do than it can, Redis answers too late and weirs are not run: what
 * is used then says nothing about weir, and a word that nothing was judged is said instead.
 */
export const leastOf = (share: number): number => {
  const [load = 0] = loadavg()
  const isBusy = load > BUSY * availableParallelism()
  if (isBusy && !saidBusy)
    say(`NOT JUDGED: how much of the limit is used; the load of this machine is ${load.toFixed(0)}`)
  saidBusy ||= isBusy
  return isBusy ? 0 : share
}

/** A line for people. */
export const say = (line: string): void => void process.stdout.write(`${line}\n`)

export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`
