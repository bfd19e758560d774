// The pictures of the dashboard in docs/: `node scripts/screenshots.ts [--seconds 240]`. Bots at a simulated Kraken and Coinbase,
// Coinbase down for a while, somebody beside weir who spends the address's public budget at Kraken; then both themes.

import { request } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { findChromium, launch } from '../test/dashboard/browser.ts'
import { openScene } from '../test/dashboard/scene.ts'
import type { Exchange } from '../test/support/exchange/exchange.ts'
import { shippedLimits } from '../test/support/weir.ts'

const { values: options } = parseArgs({ options: { seconds: { type: 'string', default: '240' } } })
const seconds = Number(options.seconds)
const VIEW = { width: 1440, height: 1500 }

const chromium = findChromium()
if (chromium === undefined) throw new Error('there is no Chromium: apt-get install chromium')

// A breaker that stays open for long enough to be looked at.
await using scene = await openScene({ config: await shippedLimits({ ' open: 1s': ' open: 20s' }) })
const { exchange, weir } = scene
scene.bots()
await sleep(seconds * 500)
exchange.fault({ kind: 'answer', status: 503, body: 'down', host: 'api.coinbase.com', times: 5 })
await sleep(seconds * 300)
await spendBeside(exchange)
await sleep(seconds * 200)
exchange.fault({ kind: 'answer', status: 503, body: 'down', host: 'api.coinbase.com', times: 60 })
await sleep(5_000)

const browser = await launch(chromium)
for (const theme of ['light', 'dark'] as const) {
  const page = await browser.newPage({ viewport: VIEW, colorScheme: theme })
  await page.goto(weir.admin)
  await page.locator('.plot canvas').nth(3).waitFor()
  await sleep(2_000)
  const path = fileURLToPath(new URL(`../docs/dashboard-${theme}.png`, import.meta.url))
  await page.screenshot({ path })
  process.stdout.write(`${path}\n`)
  await page.close()
}
await browser.close()

/** Public calls that weir does not see. Kraken counts by address, so weir's next ones are refused. */
async function spendBeside({ port, caPem }: Exchange): Promise<void> {
  for (let call = 0; call < 40; call += 1) {
    await sleep(100)
    await new Promise<void>((resolve, reject) => {
      const headers = { Host: 'api.kraken.com' }
      const options = { host: '127.0.0.1', port, servername: 'api.kraken.com', ca: caPem, headers, agent: false }
      request({ ...options, path: '/0/public/Time' }, (answer) => answer.resume().on('end', resolve))
        .on('error', reject)
        .end()
    })
  }
}
