import { expect, it, onTestFinished } from 'vitest'
import { shippedLimits } from '../support/weir.ts'
import { openClient } from '../system/client.ts'
import { type Member, openPair, soon } from './pair.ts'

/** The part of Kraken's limits that a weir would live on without Redis. */
const share = async ({ weir }: Member): Promise<string | undefined> => {
  const metrics = await (await fetch(`${weir.admin}/metrics`)).text()
  return /weir_store_share\{exchange="kraken"\} (\S+)/.exec(metrics)?.[1]
}

/** Lets bots of those names call once each. */
const call = async ({ weir }: Member, ...names: string[]): Promise<void> => {
  for (const name of names) {
    const bot = openClient(weir, { name })
    onTestFinished(() => bot.close())
    await bot.send({ path: '/0/public/Time', headers: { 'X-Weir-Cache': 'skip' } })
  }
}

it('two weirs get parts of every limit by the bots that call them, where the file says so', {
  timeout: 40_000,
}, async () => {
  const { one, other } = await openPair({ config: await shippedLimits({ 'split: equal': 'split: weighted' }) })
  await call(one, 'a', 'b', 'c')
  await call(other, 'd')
  const shares = await soon(async () => {
    const found = [await share(one), await share(other)]
    return found[0] === '0.75' && found[1] === '0.25' ? found : undefined
  }, 10_000)
  expect(shares).toEqual(['0.75', '0.25'])
})
