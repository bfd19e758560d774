// A stage for one test: an exchange, a weir before it, a bot behind it. It is cleared when the test is over.

import { onTestFinished } from 'vitest'
import { type Exchange, type ExchangeOptions, startExchange } from '../support/exchange/exchange.ts'
import { startWeir, type Weir, type WeirOptions } from '../support/weir.ts'
import { type Answered, type Client, openClient } from './client.ts'

export interface Scene {
  readonly exchange: Exchange
  readonly weir: Weir
  /** A bot with one kept connection; more are opened while it is busy. */
  readonly bot: Client
}

/** Sets the stage. */
export async function openScene(
  options: Omit<WeirOptions, 'exchange'> & { readonly exchange?: ExchangeOptions } = {},
): Promise<Scene> {
  const exchange = await startExchange(options.exchange)
  onTestFinished(() => exchange.close())
  return { exchange, ...(await openWeir({ ...options, exchange })) }
}

/** A weir, and a bot behind it. */
export async function openWeir(options: WeirOptions): Promise<Omit<Scene, 'exchange'>> {
  const weir = await startWeir(options)
  onTestFinished(() => weir[Symbol.asyncDispose]())
  const bot = openClient(weir)
  onTestFinished(() => bot.close())
  return { weir, bot }
}

/** What is left in the tightest bucket of the call, as RateLimit tells it. */
export function left({ headers }: Answered): number {
  return Number(/;r=(\d+)/.exec(String(headers.ratelimit))?.[1] ?? Number.NaN)
}
