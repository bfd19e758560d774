// `npm run bench:limits`: how much of an exchange's limits can be used without breaking one. weir beside the limiters that
// bots use today, all run for real against the same simulated exchanges, over the same networks, in virtual time.
// Options: --only NAME (mixes and networks whose name has it), --seed 1.

import './limits-time.ts'
import { parseArgs } from 'node:util'
import { realClock } from '../src/core/clock.ts'
import { seeded } from '../test/support/exchange/gate.ts'
import { by, type Make, run } from '../test/support/virtual/errands.ts'
import { VirtualExchange } from '../test/support/virtual/exchange.ts'
import { CB, CB_ADVANCED, K_PRO, K_STARTER, type Mix } from '../test/support/virtual/mixes.ts'
import { Network, type NetworkRule } from '../test/support/virtual/network.ts'
import { straight, throughWeir } from '../test/support/virtual/way.ts'
import { PEERS } from './limits-peers.ts'
import { inVirtualTime } from './limits-time.ts'

interface Ground {
  readonly mix: Mix
  readonly network: Network
  readonly exchange: VirtualExchange
}

interface Contender {
  readonly name: string
  /** As set on its keys at Kraken: how far a late nonce may lie below the highest, in the bots' units (µs). */
  readonly nonceWindow: number
  readonly open: (ground: Ground) => Make
}

const BASE_MS = 40
const MIXES = [K_STARTER, K_PRO, CB, CB_ADVANCED]
const NETWORKS: readonly { readonly name: string; readonly rule: Omit<NetworkRule, 'baseMs'> }[] = [
  { name: 'jitter 0.05 s', rule: { jitterMs: 50 } },
  { name: 'jitter 0.2 s', rule: { jitterMs: 200 } },
  { name: 'jitter 1 s', rule: { jitterMs: 1000 } },
  { name: 'stall of 3 s', rule: { jitterMs: 50, stall: { fromMs: 5000, toMs: 8000 } } },
]
const CONTENDERS: readonly Contender[] = [
  {
    name: 'weir',
    nonceWindow: 0,
    open: ({ mix, network, exchange }) => by(throughWeir({ clock: realClock, network, exchange, config: mix.config })),
  },
  // None of the others keeps nonces in order. They are spared that: their keys take late ones for ten minutes.
  ...PEERS.map(({ name, open }) => ({
    name,
    nonceWindow: 600_000_000,
    open: ({ mix, network, exchange }: Ground): Make => {
      const limiter = open(mix)
      const way = straight(network, exchange)
      return (errand) => limiter(errand, () => way(errand.ask(), errand.bot))
    },
  })),
]

const { values: options } = parseArgs({
  options: { only: { type: 'string', default: '' }, seed: { type: 'string', default: '1' } },
})
const { only, seed } = options

print(['', '', 'least time', ...CONTENDERS.map(({ name }) => name)])
print(['---', '---', '--:', ...CONTENDERS.map(() => '--:')])
for (const mix of MIXES) {
  for (const { name, rule } of NETWORKS) {
    if (!`${mix.name} ${name}`.includes(only)) continue
    const results: Result[] = []
    for (const contender of CONTENDERS) results.push(await measure(mix, rule, contender))
    const least = (results[0]?.leastMs ?? 0) / 1000
    print([mix.name, name, `${least.toFixed(1)} s`, ...results.map(({ cell }) => cell)])
  }
}

interface Result {
  readonly leastMs: number
  readonly cell: string
}

async function measure(mix: Mix, rule: Omit<NetworkRule, 'baseMs'>, contender: Contender): Promise<Result> {
  const kraken = { tier: mix.tier, costs: 'documented' } as const
  const exchange = new VirtualExchange(realClock, { kraken, nonceWindow: contender.nonceWindow })
  const startedAt = realClock.now()
  const late = (ms: number): number => startedAt + ms
  const stall = rule.stall && { stall: { fromMs: late(rule.stall.fromMs), toMs: late(rule.stall.toMs) } }
  const network = new Network(realClock, seeded(Number(seed)), { baseMs: BASE_MS, ...rule, ...stall })
  await inVirtualTime(() => {
    const make = contender.open({ mix, network, exchange })
    return run(
      realClock,
      make,
      mix.errands(exchange, () => realClock.wall()),
    )
  })
  const { violations, rejected, leastMs, efficiency } = exchange.score(startedAt, BASE_MS)
  const faults = [counted(violations, 'violation'), counted(rejected, 'rejection')].filter((fault) => fault !== '')
  return { leastMs, cell: faults.length > 0 ? `invalid: ${faults.join(', ')}` : `${(100 * efficiency).toFixed(1)} %` }
}

function counted(count: number, what: string): string {
  return count === 0 ? '' : `${count} ${what}${count === 1 ? '' : 's'}`
}

function print(cells: readonly string[]): void {
  process.stdout.write(`| ${cells.join(' | ')} |\n`)
}
