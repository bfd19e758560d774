// Lanes, bots and rules on the dashboard, held against what /v1/queues, /v1/stats and /v1/rules tell: calls of one key are held
// behind one that hangs at the exchange.

import { expect, it, onTestFinished } from 'vitest'
import { shippedLimits } from '../support/weir.ts'
import { openClient } from '../system/client.ts'
import { krakenPoster } from '../system/sign.ts'
import { findChromium, launch } from './browser.ts'
import { openScene } from './scene.ts'

const chromiumPath = findChromium()
const PATIENT = { timeout: 12_000, interval: 100 }
/** A picture per second, and a machine with too much to do. */
const LATE_MS = 4_000

interface Lane {
  readonly class: string
  readonly lane: string
  readonly waiting: number
  readonly capacity: number
  readonly in_flight: number
  readonly bytes: number
  readonly oldest_wait_ms: number
  readonly next_wait_ms: number
}

interface Bot {
  readonly bot: string
  readonly calls: number
  readonly refused: number
  readonly failed: number
  readonly saved: number
}

interface Rules {
  readonly exchange: string
  readonly buckets: readonly { readonly id: string; readonly limit: string }[]
  readonly classes: readonly { readonly id: string; readonly costs: readonly string[] }[]
}

it.skipIf(chromiumPath === undefined)(
  'the dashboard shows lanes, bots and rules as the pages of /v1 tell them',
  {
    timeout: 90_000,
  },
  async () => {
    const scene = await openScene({ config: await shippedLimits({ 'max_wait: 6s ': 'max_wait: 25s ' }) })
    onTestFinished(() => scene[Symbol.asyncDispose]())
    const browser = await launch(chromiumPath ?? '')
    onTestFinished(() => browser.close())
    const page = await browser.newPage()
    await page.goto(scene.weir.admin)
    const read = async <Told>(path: string) => (await (await fetch(scene.weir.admin + path)).json()) as Told
    const rowsOf = (table: string): Promise<string[][]> =>
      page
        .locator(`${table} tbody tr`)
        .evaluateAll((rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent ?? '')))

    await expect.poll(() => page.locator('#rules details').count(), PATIENT).toBeGreaterThan(1)
    const { exchanges } = await read<{ exchanges: Rules[] }>('/v1/rules')
    const limits = exchanges.flatMap(({ buckets }) => buckets.map(({ id, limit }) => [id, limit]))
    const costs = exchanges.flatMap(({ classes }) => classes.map((one) => [one.id, one.costs.join('; ')]))
    const rules = await rowsOf('#rules')
    expect(rules.filter(({ length }) => length === 2)).toEqual(limits)
    expect(rules.filter(({ length }) => length > 2).map(([id, , cost]) => [id, cost])).toEqual(costs)

    const bots = ['holder', 'second', 'third'].map((name) => openClient(scene.weir, { name }))
    onTestFinished(() => {
      for (const bot of bots) bot.close()
    })
    const [holder, second, third] = bots
    for (const bot of bots) await bot.send({ path: '/0/public/Time' })
    const post = krakenPoster(scene.exchange.krakenKey('held'))
    scene.exchange.fault({ kind: 'hang', host: 'api.kraken.com', path: /Balance/ })
    // Nobody waits for what becomes of them: they are held for as long as somebody looks.
    const send = (bot = holder) => void bot?.send(post('Balance')).catch(() => undefined)
    send()
    await expect.poll(() => scene.exchange.calls.some(({ path }) => path.endsWith('Balance')), PATIENT).toBe(true)
    for (const bot of [second, third, third]) send(bot)

    const lane = async () => (await read<{ queues: Lane[] }>('/v1/queues')).queues.find(({ waiting }) => waiting > 0)
    await expect.poll(async () => (await lane())?.waiting, PATIENT).toBe(3)
    await expect
      .poll(async () => {
        const [shown] = (await rowsOf('#lanes')).filter((row) => row[1]?.startsWith('3 of '))
        const told = await lane()
        if (told === undefined || shown === undefined) return `${shown} is not ${JSON.stringify(told)}`
        const [name = '', waiting, inFlight, oldest = '', next = '', held] = shown
        return {
          name: name.startsWith(`${told.class} ${told.lane.slice(0, 4)}`),
          exact: [waiting, inFlight, held],
          same: [`${told.waiting} of ${told.capacity}`, String(told.in_flight), bytesText(told.bytes)],
          waits: [near(oldest, told.oldest_wait_ms), near(next, told.next_wait_ms)],
        }
      }, PATIENT)
      .toSatisfy((seen: unknown) => {
        if (typeof seen === 'string') return false
        const { name, exact, same, waits } = seen as Record<'exact' | 'same' | 'waits', unknown[]> & { name: boolean }
        return name && String(exact) === String(same) && String(waits) === 'true,true'
      })

    const { bots: told } = await read<{ bots: Bot[] }>('/v1/stats')
    expect(told.map(({ bot }) => bot).sort()).toEqual(['holder', 'second', 'third'])
    await expect
      .poll(async () => (await rowsOf('#bots')).map((row) => row.slice(0, 4)), PATIENT)
      .toEqual(told.map(({ bot, calls, refused, failed }) => [bot, String(calls), String(refused), String(failed)]))
  },
)

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000 }

/** Whether a time in words is, give or take how late a picture may be, the time that was told. */
const near = (words: string, ms: number): boolean => {
  const [, value, unit = ''] = /^([\d.]+) (\w+)$/.exec(words) ?? []
  return Math.abs(Number(value) * (UNITS[unit] ?? Number.NaN) - ms) <= LATE_MS
}

const bytesText = (count: number): string => (count < 1024 ? `${count} B` : `${Number((count / 1024).toFixed(1))} KiB`)
