// One scene in virtual time: an exchange, a network, and weir's road between the bots and both.

import type { Observer } from '../../../src/core/events.ts'
import { seeded } from '../exchange/gate.ts'
import { FakeClock } from '../fake-clock.ts'
import { by, run } from './errands.ts'
import { type Score, VirtualExchange, type VirtualExchangeOptions } from './exchange.ts'
import type { Mix } from './mixes.ts'
import { Network, type NetworkRule } from './network.ts'
import { throughWeir, type Way } from './way.ts'

export interface Scene {
  readonly clock: FakeClock
  readonly exchange: VirtualExchange
  readonly network: Network
  /** Through weir. */
  readonly way: Way
}

export interface SceneOptions {
  /** Text of limits.yaml. */
  readonly config: string
  readonly network?: Partial<NetworkRule>
  readonly exchange?: VirtualExchangeOptions
  readonly seed?: number
  readonly tell?: Observer
}

/** 40 ms one way and a jitter of 50 ms, unless told. */
export const openScene = ({ config, network: rule, exchange: options, seed = 1, tell }: SceneOptions): Scene => {
  const clock = new FakeClock()
  const exchange = new VirtualExchange(clock, options)
  const network = new Network(clock, seeded(seed), { baseMs: 40, jitterMs: 50, ...rule })
  return { clock, exchange, network, way: throughWeir({ clock, network, exchange, config, ...(tell && { tell }) }) }
}

/** Runs a whole mix, so many times over, and tells the score. */
export const play = async (
  mix: Mix,
  rule: Partial<NetworkRule> & SceneOptions['exchange'] & { times?: number; atOnce?: number },
): Promise<Score> => {
  const { times = 1, atOnce, skewMs = 0, ...network } = rule
  const kraken = { tier: mix.tier, costs: 'documented' } as const
  const { clock, exchange, way } = openScene({ config: mix.config, network, exchange: { kraken, skewMs } })
  const errands = mix.errands(exchange, () => clock.wall())
  await clock.until(
    run(
      clock,
      by(way),
      errands.map((errand) => ({ ...errand, count: errand.count * times, atOnce: atOnce ?? errand.atOnce })),
    ),
  )
  return exchange.score(0, 40)
}
