import { expect, it } from 'vitest'
import { openScene } from '../system/scene.ts'
import { krakenPoster } from '../system/sign.ts'

it('a weir that stops says so, and tells the end of the calls that were under way to those who listen', async () => {
  // The admin port closed with the first word of the stop: nobody saw what became of the last calls, and `/ready` never once
  // said that weir was stopping.
  const { exchange, weir, bot } = await openScene()
  const post = krakenPoster(exchange.krakenKey('last'))
  exchange.fault({ kind: 'delay', ms: 4000 })
  const listener = await fetch(`${weir.admin}/v1/events`)
  const heard = listener.text()
  const last = bot.send(post('Balance'))
  const underWay = async () => {
    const { queues } = (await (await fetch(`${weir.admin}/v1/queues`)).json()) as { queues: { in_flight: number }[] }
    return queues.reduce((sum, lane) => sum + lane.in_flight, 0)
  }
  await expect.poll(underWay, { timeout: 10_000, interval: 20 }).toBe(1)
  const stopped = weir.stop()
  const ready = async () => {
    const answer = await fetch(`${weir.admin}/ready`)
    return [answer.status, await answer.text()]
  }
  await expect.poll(ready, { timeout: 3500, interval: 20 }).toEqual([503, 'stopping\n'])
  expect((await last).status).toBe(200)
  expect(await stopped).toBe(0)
  const calls = (await heard).split('\n\n').filter((frame) => frame.includes('event: call\n'))
  expect(calls).toHaveLength(1)
  expect(calls[0]).toContain('"class":"kraken.private"')
}, 60_000)
