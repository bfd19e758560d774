// A bot that uses a library made for one exchange, named as argument: a balance, and then too much. Prints the balance, and
// how the library tells that weir refused.

import { CBAdvancedTradeClient } from 'coinbase-api'
import { Kraken } from 'node-kraken-api'
import type { Credentials } from '../errand.ts'

const TOO_MUCH = 40
const keys = JSON.parse(process.env.CREDENTIALS ?? '{}') as Credentials

const KITS: Readonly<Record<string, () => Promise<{ readonly result: unknown; readonly refusal: unknown }>>> = {
  'node-kraken-api': async () => {
    const kraken = new Kraken(keys.kraken)
    await kraken.time()
    const result = await kraken.balance()
    const refusal = await raised(() => kraken.ledgers())
    return { result, refusal: refusal instanceof Error ? `${refusal.constructor.name}: ${refusal.message}` : refusal }
  },
  'coinbase-api': async () => {
    const client = new CBAdvancedTradeClient({ apiKey: keys.coinbase.key, apiSecret: keys.coinbase.secret })
    const result = await client.getAccounts()
    const refusal = (await raised(() => client.getServerTime())) as { code: number; headers: Record<string, string> }
    return { result, refusal: { code: refusal.code, reason: refusal.headers['x-weir-error'] } }
  },
}

const found = await KITS[process.argv[2] ?? '']?.()
process.stdout.write(JSON.stringify(found))
process.exit()

async function raised(call: () => Promise<unknown>): Promise<unknown> {
  for (let asked = 0; asked < TOO_MUCH; asked += 1) {
    const error: unknown = await call().then(
      () => undefined,
      (reason: unknown) => reason,
    )
    if (error !== undefined) return error
  }
  return undefined
}
