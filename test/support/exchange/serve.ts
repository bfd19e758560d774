// The simulated exchange as a process of its own, for benchmarks and demonstrations: `node serve.ts '{"latencyMs":5}'`.
// Prints one JSON line when it listens ({port, url, caFile}) and one when it is told to stop (the report).
// The options are those of startExchange; `keys` names what to register: {"kraken":["bot"],"coinbase":[],"coinbaseExchange":[]}.

import { type ExchangeOptions, startExchange } from './exchange.ts'

interface ServeOptions extends ExchangeOptions {
  readonly keys?: { readonly kraken?: string[]; readonly coinbase?: string[]; readonly coinbaseExchange?: string[] }
}

const { keys, ...options } = JSON.parse(process.argv[2] ?? '{}') as ServeOptions
const exchange = await startExchange(options)
for (const name of keys?.kraken ?? []) exchange.krakenKey(name)
for (const name of keys?.coinbase ?? []) exchange.coinbaseKey(name)
for (const name of keys?.coinbaseExchange ?? []) exchange.coinbaseExchangeKey(name)
say({ port: exchange.port, url: exchange.url, caFile: exchange.caFile })

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, stop)

async function stop(): Promise<void> {
  say(exchange.report())
  await exchange.close()
  process.exit()
}

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}
