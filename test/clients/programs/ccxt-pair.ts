// One of several ccxt bots that share a Kraken key: so many balances, each asked for until it is there, as freqtrade's
// retrier would, which waits after DDoSProtection and asks again at once after other errors of the way (InvalidNonce among
// them). Prints how many it has.

import { setTimeout as sleep } from 'node:timers/promises'
import ccxt from 'ccxt'
import type { Credentials } from '../errand.ts'

const BALANCES = 6
const TRIES = 60
const { kraken } = JSON.parse(process.env.CREDENTIALS ?? '{}') as Credentials
const bot = new ccxt.kraken({ apiKey: kraken.key, secret: kraken.secret, enableRateLimit: false })

let balances = 0
for (let tries = 0; balances < BALANCES && tries < TRIES; tries += 1) {
  try {
    await bot.fetchBalance()
    balances += 1
  } catch (error) {
    if (error instanceof ccxt.DDoSProtection) await sleep(1000)
    else if (!(error instanceof ccxt.InvalidNonce)) throw error
  }
}
process.stdout.write(`${balances}\n`)
