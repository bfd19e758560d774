// What the panels of the dashboard say, held against what the pages of /v1 tell: plots, times, autopsies, breakers and their
// past. One weir with bots, whose exchange turns calls away and then falls ill.

import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Fault } from '../support/exchange/faults.ts'
import { type Client, openClient } from '../system/client.ts'
import { krakenPoster } from '../system/sign.ts'
import { findChromium, launch } from './browser.ts'
import { openScene, type Scene } from './scene.ts'

const chromiumPath = findChromium()
const PATIENT = { timeout: 20_000, interval: 100 }
const HOST = 'api.kraken.com'

/** Refused by the exchange's own counter, so it says, while weir knows of room: what an autopsy is made of. */
const refusals = (times: number): Fault => ({
  ...{ kind: 'answer', status: 200, body: { error: ['EAPI:Rate limit exceeded'] } },
  ...{ host: HOST, path: /TradeBalance/, times },
})
const DOWN: Fault = { kind: 'answer', status: 503, body: 'no', host: HOST, times: Number.POSITIVE_INFINITY }

interface Violation {
  readonly call: string
  readonly bucket: string
  readonly cause: string
  readonly believed: number
  readonly capacity: number
  readonly reason: string
}
interface Breaker {
  readonly state: string
  readonly forced: boolean
  readonly history: readonly { from: string; to: string; reason: string }[]
}
interface History {
  readonly step_ms: number
  readonly series: Readonly<Record<string, { readonly calls: readonly (number | null)[] }>>
  readonly utilization: Readonly<Record<string, unknown>>
}

describe.skipIf(chromiumPath === undefined)('the panels of the dashboard', { timeout: 90_000 }, () => {
  let browser: Browser
  let scene: Scene
  let page: Page
  let bot: Client
  let hangUp: () => Promise<void>
  beforeAll(async () => {
    browser = await launch(chromiumPath ?? '')
    scene = await openScene()
    bot = openClient(scene.weir, { name: 'patient' })
    hangUp = scene.bots()
    page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
    await page.goto(scene.weir.admin)
  }, 60_000)
  afterAll(async () => {
    bot?.close()
    await hangUp?.()
    await browser?.close()
    await scene?.[Symbol.asyncDispose]()
  })

  const read = async <Told>(path: string) => (await (await fetch(scene.weir.admin + path)).json()) as Told
  const text = (selector: string) => page.locator(selector).allTextContents()

  it('plot the past of the exchange that is chosen, and say in words what they draw', async () => {
    await page.locator('#plots-exchange').selectOption('kraken', { timeout: 30_000 })
    const figure = (title: string) => page.locator('#plots figure', { hasText: title }).locator('.plot')
    const said = async (title: string) => String(await figure(title).getAttribute('aria-label'))
    const most = async () => {
      const { series, step_ms: stepMs } = await read<History>('/v1/history?span=15m&exchange=kraken')
      return (Math.max(0, ...(series.kraken?.calls ?? []).map((calls) => calls ?? 0)) * 1000) / stepMs
    }
    // A step is five seconds long; the page asks once per step.
    await expect.poll(most, PATIENT).toBeGreaterThan(0)
    await expect
      .poll(async () => {
        const [, drawn] = /^Calls per second\. all: now [\d.]+\/s, at most ([\d.]+)\/s/.exec(
          await said('Calls per second'),
        ) ?? [0, -1]
        return Math.abs(Number(drawn) - (await most())) < 0.01
      }, PATIENT)
      .toBe(true)
    for (const title of ['Time waited for a turn', 'Time until the exchange answered']) {
      await expect.poll(() => said(title), PATIENT).toMatch(/median: now .+, at most .+; 99 %: now .+ m?s$/)
    }
    await expect.poll(() => said('Budget in use'), PATIENT).toContain('kraken.public: now ')
    for (const title of ['Calls per second', 'Budget in use']) {
      expect(await ink(page, title), title).toBeGreaterThan(100)
    }
    await page.locator('#plots-exchange').selectOption('coinbase')
    await expect.poll(() => said('Budget in use'), PATIENT).toContain('coinbase.')
    expect(await said('Budget in use')).not.toContain('kraken.')
  })

  it('tell how much time weir itself takes, as its own page has it', async () => {
    await expect
      .poll(async () => {
        const { latencies } = await read<{ latencies: { overhead: { p50_ms: number } } }>('/health/metrics')
        const tile = await page.locator('.tile', { hasText: 'Weir itself' }).locator('strong').textContent()
        return tile === `${latencies.overhead.p50_ms} ms`
      }, PATIENT)
      .toBe(true)
  })

  it('tell what is known of each refusal that weir had not foreseen, and what to do when they repeat', async () => {
    const refused = async (key: string) => {
      scene.exchange.fault(refusals(1))
      await bot.send(krakenPoster(scene.exchange.krakenKey(key))('TradeBalance'))
    }
    await refused('panels')
    const told = async () => (await read<{ violations: Violation[] }>('/v1/violations')).violations
    await expect.poll(async () => (await told()).map(({ bucket }) => bucket), PATIENT).toEqual(['kraken.private'])
    const [violation] = await told()
    await expect.poll(() => text('#violations .scroll > ul > li > div'), PATIENT).toHaveLength(1)
    expect((await text('#violations .scroll > ul > li > div'))[0]).toContain(
      'kraken.private, patient: EAPI:Rate limit exceeded',
    )
    const item = page.locator('#violations .scroll > ul > li').first()
    await item.locator('summary').click()
    expect(await item.locator('summary').textContent()).toMatch(new RegExp(`^${violation?.cause}: \\w`))
    const [, believed, capacity] =
      /^weir believed ([\d.]+) of (\d+) left/.exec((await item.locator('p').textContent()) ?? '') ?? []
    expect(Number(capacity)).toBe(violation?.capacity)
    expect(Math.abs(Number(believed) - Number(violation?.believed))).toBeLessThanOrEqual(0.01)
    expect(await item.locator('p').textContent()).toContain(`Call ${violation?.call}.`)
    expect(await item.locator('p').isVisible()).toBe(true)

    expect(await page.locator('#violations [data-advice] li').count()).toBe(0)
    for (const key of ['panels too', 'panels again']) await refused(key)
    const { recommendations } = await read<{ recommendations: { text: string }[] }>('/v1/violations')
    expect(recommendations).toHaveLength(1)
    await expect.poll(() => text('#violations [data-advice] li'), PATIENT).toHaveLength(1)
    expect((await text('#violations [data-advice] li'))[0]).toContain(recommendations[0]?.text)
    await expect.poll(() => page.locator('#violations .scroll > ul > li').count(), PATIENT).toBe(3)
  })

  it('show when a breaker was not closed, and why, and close it by the button that resets it', async () => {
    const breaker = page.locator(`[data-host="${HOST}"]`)
    const told = () => read<Breaker>(`/v1/breakers/${HOST}`)
    scene.exchange.fault(DOWN)
    await expect.poll(() => breaker.getAttribute('data-state'), PATIENT).toBe('open')
    expect(await breaker.locator('.timeline i[data-state="open"]').count()).toBeGreaterThan(0)
    expect(await breaker.locator('.timeline').getAttribute('aria-label')).toMatch(
      /^not closed for [\d.]+ m?s of the last hour$/,
    )
    // It goes on: the last bar ends where the hour does. Drawn anew every second, so measured in one go.
    const gap = () =>
      breaker
        .locator('.timeline')
        .evaluate(
          (strip) => strip.getBoundingClientRect().right - (strip.lastElementChild?.getBoundingClientRect().right ?? 0),
        )
    expect(Math.abs(await gap())).toBeLessThan(3)

    // Held open by hand, so that no probe is quicker than the button.
    await fetch(`${scene.weir.admin}/v1/breakers/${HOST}/open`, { method: 'POST' })
    scene.exchange.clearFaults()
    await expect.poll(() => breaker.locator('small').first().textContent(), PATIENT).toContain('held open by hand')
    await page.getByRole('button', { name: `reset the breaker of ${HOST}` }).click()
    await expect.poll(() => breaker.getAttribute('data-state'), PATIENT).toBe('closed')
    expect(await told()).toMatchObject({ state: 'closed', forced: false })
    expect((await told()).history.at(-1)).toMatchObject({ to: 'closed', reason: 'reset by hand' })

    const { history } = await told()
    await expect.poll(() => breaker.locator('details li').count(), PATIENT).toBe(Math.min(20, history.length))
    expect(await breaker.locator('details li').first().textContent()).toContain('open → closed: reset by hand')
    expect(await breaker.locator('details li').last().textContent()).toContain('closed → open: ')
    await breaker.locator('details summary').click()
    expect(await breaker.locator('details li').first().isVisible()).toBe(true)
  })
})

/** Pixels of the plot called `title` that something was drawn on. */
const ink = (page: Page, title: string): Promise<number> =>
  page
    .locator('#plots figure', { hasText: title })
    .locator('canvas')
    .evaluate((found) => {
      const canvas = found as unknown as {
        readonly width: number
        readonly height: number
        getContext(kind: '2d'): {
          getImageData(x: number, y: number, width: number, height: number): { data: Uint8ClampedArray }
        }
      }
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
      return data.filter((value, at) => at % 4 === 3 && value > 0).length
    })
