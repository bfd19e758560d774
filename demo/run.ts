// `npm run demo`: the same five bots do the same work twice at a simulated exchange, first straight, then through weir.
// No key, no internet. Ends with status 0 only if the exchange had nothing to complain of the second time.

import { BOTS } from './bots.ts'
import { compare, complaints, explain } from './report.ts'
import { directRoad, weirRoad } from './roads.ts'
import { type Listener, runBots, TIER } from './stage.ts'

const say = (text: string) => process.stdout.write(`${text}\n`)
const tellDone: Listener = ({ name }, { jobs, failed }, seconds) => {
  const columns = [
    String(jobs).padStart(4),
    'jobs',
    String(failed).padStart(4),
    'given up',
    seconds.toFixed(1).padStart(6),
  ]
  say(`  ${name.padEnd(12)}${columns.join(' ')} s`)
}

say('Five bots on one machine, at a simulated Kraken and Coinbase that enforce their')
say('published limits. Nothing leaves this computer.\n')
for (const { name, does } of BOTS) say(`  ${name.padEnd(12)}${does}`)

say('\nWithout weir (about 20 s):')
const without = await runBots(BOTS, directRoad, tellDone)
say('\nThe same bots, the same work, through weir:')
const through = await runBots(BOTS, (exchange) => weirRoad(exchange, TIER), tellDone)

say(`\n${compare(without, through)}\n\n${explain(without, through)}`)
process.exitCode = complaints(through) === 0 ? 0 : 1
