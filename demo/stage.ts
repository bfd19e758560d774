// One run of the demo: a fresh simulated exchange, a road to it, and bots that work side by side until all are done.

import { type Exchange, startExchange } from '../test/support/exchange/exchange.ts'
import { type Bot, COINBASE_KEY_NAME, KRAKEN_KEY_NAMES } from './bots.ts'
import { Client, type Tally } from './client.ts'
import { type Outcome, outcomeOf } from './report.ts'
import type { Road } from './roads.ts'

/** The Kraken tier that the exchange grants, and that weir is told. */
export const TIER = 'pro'

/** Told when a bot is done, in which order they may be. */
export type Listener = (bot: Bot, tally: Tally, seconds: number) => void

/** Untouched counters, and a network that jitters alike each time: 40 ms there and back, up to 60 ms more. */
const openExchange = async (): Promise<Exchange> => {
  const exchange = await startExchange({ latencyMs: 40, jitterMs: 60, seed: 7, kraken: { tier: TIER } })
  for (const name of KRAKEN_KEY_NAMES) exchange.krakenKey(name)
  exchange.coinbaseKey(COINBASE_KEY_NAME)
  return exchange
}

/** Runs the bots over the road and resolves with what the exchange and the bots counted. */
export const runBots = async (
  bots: readonly Bot[],
  roadTo: (exchange: Exchange) => Road | Promise<Road>,
  onDone: Listener = () => undefined,
): Promise<Outcome> => {
  const exchange = await openExchange()
  const road = await roadTo(exchange)
  const startMs = performance.now()
  const seconds = () => (performance.now() - startMs) / 1000
  const runOne = async (bot: Bot): Promise<Tally> => {
    const agent = road.agentFor(bot.name)
    const client = new Client(agent)
    await bot.run(client)
    agent.destroy()
    onDone(bot, client.tally, seconds())
    return client.tally
  }
  try {
    const tallies = await Promise.all(bots.map(runOne))
    return outcomeOf(exchange, tallies, seconds())
  } finally {
    await road.close()
    await exchange.close()
  }
}
