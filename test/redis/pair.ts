// A stage for one test: an exchange, a Redis, two weirs that share it, a bot behind each. It is cleared when the test is over.

import { setTimeout as sleep } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import { type Exchange, type ExchangeOptions, startExchange } from '../support/exchange/exchange.ts'
import { startWeir, type Weir } from '../support/weir.ts'
import { type Client, openClient } from '../system/client.ts'
import { type RedisServer, startRedis } from './server.ts'

/** A weir with a bot behind it. */
export interface Member {
  readonly weir: Weir
  readonly bot: Client
}

export interface Pair {
  readonly exchange: Exchange
  readonly redis: RedisServer
  readonly one: Member
  readonly other: Member
  /** Another weir of the fleet, with a state of its own. */
  join(): Promise<Member>
}

/** Sets the stage. */
export async function openPair(
  options: { readonly config?: string; readonly exchange?: ExchangeOptions; readonly args?: readonly string[] } = {},
): Promise<Pair> {
  const redis = await startRedis()
  onTestFinished(() => redis[Symbol.asyncDispose]())
  const exchange = await startExchange(options.exchange)
  onTestFinished(() => exchange.close())
  const config = options.config === undefined ? {} : { config: options.config }
  const join = async (): Promise<Member> => {
    const weir = await startWeir({ exchange, ...config, args: ['--redis', redis.url, ...(options.args ?? [])] })
    onTestFinished(() => weir[Symbol.asyncDispose]())
    const bot = openClient(weir)
    onTestFinished(() => bot.close())
    return { weir, bot }
  }
  const [one, other] = await Promise.all([join(), join()])
  return { exchange, redis, one, other, join }
}

/** What a page of the admin port says. */
export async function page<T>({ weir }: Member, path: string): Promise<T> {
  const answer = await fetch(weir.admin + path)
  return (await answer.json()) as T
}

/** Looks again until `look` finds something, for two seconds unless told. */
export async function soon<T>(look: () => Promise<T | undefined> | T | undefined, patienceMs = 2_000): Promise<T> {
  for (let waited = 0; waited < patienceMs; waited += 20) {
    const found = await look()
    if (found !== undefined) return found
    await sleep(20)
  }
  throw new Error(`nothing was found within ${patienceMs} ms`)
}
