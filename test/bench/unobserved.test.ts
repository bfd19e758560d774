// `node bench/observing.ts` could not start the weir that watches nothing: its preload looked for lines of src/app/app.ts that
// were written otherwise by then.

import { describe, expect, it } from 'vitest'
import { openScene } from '../system/scene.ts'

const TICKER = { path: '/0/public/Ticker?pair=XBTUSD' }
const BLIND = new URL('../../bench/unobserved.ts', import.meta.url).href

const page = async (admin: string, path: string) => (await fetch(`${admin}${path}`)).json()

/** What weir knows of its calls, after one. */
const seenBy = async (env: Readonly<Record<string, string>>) => {
  const { weir, bot } = await openScene({ env })
  expect((await bot.send(TICKER)).status).toBe(200)
  const { bots } = (await page(weir.admin, '/v1/stats')) as { bots: readonly unknown[] }
  const { spenders } = (await page(weir.admin, '/v1/spenders')) as { spenders: readonly unknown[] }
  return { bots: bots.length, spenders: spenders.length, exit: await weir.stop() }
}

describe('the weir that bench/observing.ts compares with', () => {
  it('takes calls, and watches none of them', async () => {
    expect(await seenBy({ NODE_OPTIONS: `--import=${BLIND}` })).toEqual({ bots: 0, spenders: 0, exit: 0 })
  })

  it('differs from a weir as it is', async () => {
    expect(await seenBy({})).toEqual({ bots: 1, spenders: 1, exit: 0 })
  })
})
