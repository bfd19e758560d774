// The pictures of the dashboard: `node scripts/screenshots.ts [--seconds 240] [--into docs]`. Bots at a simulated Kraken and Coinbase,
// somebody beside weir who spends of a key at Coinbase, and Coinbase down at the end; then both themes.

import { Agent, request } from 'node:https'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { findChromium, launch } from '../test/dashboard/browser.ts'
import { openScene } from '../test/dashboard/scene.ts'
import type { Exchange } from '../test/support/exchange/exchange.ts'
import { shippedLimits } from '../test/support/weir.ts'
import { advancedGet } from '../test/system/sign.ts'

const DOCS = fileURLToPath(new URL('../docs', import.meta.url))
const { values: options } = parseArgs({
  options: { seconds: { type: 'string', default: '240' }, into: { type: 'string', default: DOCS } },
})
const seconds = Number(options.seconds)
const VIEW = { width: 1440, height: 1800 }

const chromium = findChromium()
if (chromium === undefined) throw new Error('there is no Chromium: apt-get install chromium')

// A breaker that stays open for long enough to be looked at.
await using scene = await openScene({ config: await shippedLimits({ ' open: 1s': ' open: 20s' }) })
const { exchange, weir } = scene
scene.bots()
await sleep(seconds * 600)
await spendBeside(exchange)
await sleep(seconds * 400)
exchange.fault({ kind: 'answer', status: 503, body: 'down', host: 'api.coinbase.com', times: 60 })
await sleep(5_000)

const browser = await launch(chromium)
for (const theme of ['light', 'dark'] as const) {
  const page = await browser.newPage({ viewport: VIEW, colorScheme: theme })
  await page.goto(weir.admin)
  await page.locator('.plot canvas').nth(3).waitFor()
  await sleep(2_000)
  const path = join(options.into, `dashboard-${theme}.png`)
  await page.screenshot({ path })
  process.stdout.write(`${path}\n`)
  await page.close()
}
await browser.close()

/** Calls with the bot's own key that weir does not see: the exchange counts them, and refuses weir's next ones. */
async function spendBeside(exchange: Exchange): Promise<void> {
  const { port, caPem } = exchange
  const agent = new Agent({ keepAlive: true, maxSockets: 10 })
  const { host, path, headers } = advancedGet(exchange.coinbaseKey('scene'), 'accounts')
  const options = {
    host: '127.0.0.1',
    port,
    servername: host,
    ca: caPem,
    agent,
    path,
    headers: { ...headers, Host: host },
  }
  const send = () =>
    new Promise<void>((resolve, reject) => {
      request(options, (answer) => answer.resume().on('end', resolve))
        .on('error', reject)
        .end()
    })
  for (let burst = 0; burst < 4; burst += 1) {
    await Promise.all(Array.from({ length: 35 }, send))
    await sleep(500)
  }
  agent.destroy()
}
