// The dashboard in a real browser, before a real weir with real bots at a simulated exchange.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Fault } from '../support/exchange/faults.ts'
import { shippedLimits } from '../support/weir.ts'
import { openClient } from '../system/client.ts'
import { krakenPoster } from '../system/sign.ts'
import { findChromium, launch, noteOpenings, openingsSeen } from './browser.ts'
import { openScene, type Scene } from './scene.ts'

const chromiumPath = findChromium()
if (chromiumPath === undefined) {
  process.stderr.write('NOT TESTED: the dashboard in a browser. There is no Chromium here: apt-get install chromium\n')
}

const DOWN: Fault = { kind: 'answer', status: 503, body: 'no', host: 'api.kraken.com', times: Number.POSITIVE_INFINITY }
const PATIENT = { timeout: 20_000, interval: 50 }

describe.skipIf(chromiumPath === undefined)('the dashboard', { timeout: 90_000 }, () => {
  let browser: Browser
  /** Nobody calls here. */
  let quiet: Scene
  /** Bots have called here, and have hung up. */
  let busy: Scene
  beforeAll(async () => {
    browser = await launch(chromiumPath ?? '')
    quiet = await openScene()
    busy = await openScene()
    const hangUp = busy.bots()
    const said = async <Told>(path: string) => (await (await fetch(busy.weir.admin + path)).json()) as Told
    await vi.waitFor(async () => {
      const { calls } = await said<{ calls: { bot: string }[] }>('/v1/recent?limit=500')
      expect(calls.length).toBeGreaterThan(40)
      expect(new Set(calls.map(({ bot }) => bot)).size).toBe(7)
    }, PATIENT)
    await hangUp()
    // Calls whose bots hung up end a moment later.
    const under = async () => {
      const { queues } = await said<{ queues: { waiting: number; in_flight: number }[] }>('/v1/queues')
      return queues.reduce((sum, lane) => sum + lane.waiting + lane.in_flight, 0)
    }
    await vi.waitFor(async () => expect(await under()).toBe(0), PATIENT)
  }, 60_000)
  afterAll(async () => {
    await browser?.close()
    await quiet?.[Symbol.asyncDispose]()
    await busy?.[Symbol.asyncDispose]()
  })

  /** The page, seen live, and everything that its console said. */
  const open = async ({ weir }: Pick<Scene, 'weir'>, viewport = { width: 1280, height: 900 }) => {
    const page = await browser.newPage({ viewport })
    onTestFinished(() => page.close())
    const complaints: string[] = []
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
    })
    page.on('pageerror', (error) => complaints.push(String(error)))
    await page.goto(weir.admin)
    await linked(page, 'live')
    return { page, complaints }
  }
  const stage = async (config?: string): Promise<Scene> => {
    const scene = await openScene(config === undefined ? {} : { config })
    onTestFinished(() => scene[Symbol.asyncDispose]())
    return scene
  }

  it('says what to do while nobody has called', async () => {
    const { page, complaints } = await open(quiet)
    await expect
      .poll(() => page.locator('#decisions').textContent(), PATIENT)
      .toContain('Point one at http://127.0.0.1:')
    expect(await page.locator('#limits').textContent()).toContain('No budget has been touched yet')
    expect(complaints).toEqual([])
  })

  it('shows the numbers that the pages of /v1 tell', async () => {
    const { page, complaints } = await open(busy)
    const read = async <Told>(path: string) => (await (await fetch(busy.weir.admin + path)).json()) as Told

    const { calls } = await read<{ calls: { id: string; decision: string }[] }>('/v1/recent?limit=500')
    expect(calls.length).toBeGreaterThan(10)
    const ids = () => page.locator('#decisions tbody tr').evaluateAll((rows) => rows.map((row) => row.dataset.call))
    await expect.poll(ids, PATIENT).toEqual(
      calls
        .map(({ id }) => id)
        .reverse()
        .slice(0, 300),
    )

    const tile = page.locator('.tile', { hasText: 'Calls, last 5 min' }).locator('strong')
    await expect
      .poll(async () => {
        const { lately } = await read<{ lately: { calls: number } }>('/health/metrics')
        return (await tile.textContent()) === String(lately.calls)
      }, PATIENT)
      .toBe(true)

    // A stale answer is no sign of health: it is told apart from a fresh one.
    const ofExchange = page.locator('[data-exchange="kraken"] h3 small')
    await expect
      .poll(() => ofExchange.textContent(), PATIENT)
      .toMatch(/, of \d+ for the cache \d+ % fresh and 0 % stale$/)

    const { limits } = await read<{ limits: Limit[] }>('/v1/limits')
    expect(limits.length).toBeGreaterThan(4)
    // A picture per second, and the budget comes back meanwhile: on a busy machine a look may be late, and the next is not.
    const shown = async (limit: Limit) => {
      const id = limit.scope === 'ip' ? limit.bucket : `${limit.bucket} ${limit.scope}`
      const text = await page.locator(`[data-bucket="${id}"] .name span:last-child`).textContent()
      const [, left, capacity] = /^(-?[\d.]+) of ([\d.]+) left$/.exec(text ?? '') ?? []
      const near = Math.abs(Number(left) - limit.available) <= 3 * limit.refill_per_second + 0.01
      return near && Number(capacity) === limit.capacity ? [] : [`${id}: ${text}, not ${limit.available}`]
    }
    await expect
      .poll(async () => {
        const { limits: now } = await read<{ limits: Limit[] }>('/v1/limits')
        return (await Promise.all(now.map(shown))).flat()
      }, PATIENT)
      .toEqual([])
    const { spenders } = await read<{ spenders: { bucket: string; bot: string; share: number }[] }>('/v1/spenders')
    expect(spenders).toContainEqual(expect.objectContaining({ bucket: 'kraken.public', bot: 'scanner' }))
    await expect
      .poll(() => page.locator('[data-bucket="kraken.public"] .spent small').textContent(), PATIENT)
      .toMatch(/scanner \d+ %/)
    expect(await page.locator('.plot canvas').count()).toBe(4)
    const day = page.waitForResponse((answer) => answer.url().includes('/v1/history?span=24h&exchange='))
    await page.getByRole('button', { name: '24 hours' }).click()
    expect((await day).status()).toBe(200)
    expect(await page.getByRole('button', { name: '24 hours' }).getAttribute('aria-pressed')).toBe('true')
    expect(complaints).toEqual([])
  })

  it('filters the decisions by bot, class and kind', async () => {
    const { page } = await open(busy)
    await page.locator('#decisions-bot').selectOption('screener')
    const bots = () => page.locator('#decisions tbody tr td:nth-child(2)').allTextContents()
    await expect.poll(async () => new Set(await bots()), PATIENT).toEqual(new Set(['screener']))
    await page.locator('#decisions-class').selectOption('coinbase.private')
    await expect
      .poll(() => page.locator('#decisions .empty').textContent(), PATIENT)
      .toContain('None of the last calls')
    await page.locator('#decisions-bot').selectOption('')
    await expect.poll(async () => new Set(await bots()), PATIENT).toEqual(new Set(['rebalancer']))
  })

  it('shows within two seconds that a breaker opened, and closes it by its button', async () => {
    const scene = await stage(await shippedLimits({ 'open: 1s ': 'open: 60s ' }))
    const { page, complaints } = await open(scene)
    const breaker = page.locator('[data-host="api.kraken.com"]')
    const bot = openClient(scene.weir, { name: 'unlucky' })
    onTestFinished(() => bot.close())
    const post = krakenPoster(scene.exchange.krakenKey('dashboard'))
    scene.exchange.fault(DOWN)
    await noteOpenings(page, 'api.kraken.com')
    for (let call = 0; call < 5; call += 1) await bot.send(post('Balance'))
    const becomes = (state: string) => expect.poll(() => breaker.getAttribute('data-state'), PATIENT).toBe(state)
    await becomes('open')
    expect(await breaker.locator('.tag').textContent()).toBe('open')
    expect(await page.locator('#news').textContent()).toContain('The breaker of api.kraken.com is open')

    scene.exchange.clearFaults()
    await page.getByRole('button', { name: 'close the breaker of api.kraken.com' }).click()
    await becomes('closed')
    const breakerPage = `${scene.weir.admin}/v1/breakers/api.kraken.com`
    const told = async () => (await (await fetch(breakerPage)).json()) as { state: string; history: Changes }
    expect((await told()).state).toBe('closed')
    expect((await bot.send(post('Balance'))).decision).toBe('forwarded')

    await breaker.getByRole('button', { name: 'open the breaker' }).click()
    await page.getByRole('button', { name: 'Leave it' }).click()
    expect(await breaker.getAttribute('data-state')).toBe('closed')
    await breaker.getByRole('button', { name: 'open the breaker' }).click()
    await page.getByRole('button', { name: 'Open it' }).click()
    await expect.poll(() => breaker.locator('small').first().textContent(), PATIENT).toContain('held open by hand')
    expect((await bot.send(post('Balance'))).decision).toBe('refused')

    // By the page's own clock, which is weir's; the quicker of two: a machine with too much to do may lose a second once.
    const seen = await openingsSeen(page)
    const opened = (await told()).history.filter(({ from, to }) => from === 'closed' && to === 'open')
    expect([seen.length, opened.length]).toEqual([2, 2])
    const late = opened.map(({ at_wall_ms: at }, time) => (seen[time] ?? Number.NaN) - at)
    expect(Math.min(...late)).toBeLessThan(2_000)
    expect(complaints).toEqual([])
  })

  it('says that weir is away, and goes on by itself when it is back', async () => {
    const first = await stage()
    const { page } = await open(first)
    const adminPort = new URL(first.weir.admin).port
    await first.weir.stop()
    await linked(page, 'weir is away, trying again')
    await using second = await openScene({ args: ['--admin', `127.0.0.1:${adminPort}`] })
    await linked(page, 'live')
    const bot = openClient(second.weir, { name: 'early-bird' })
    onTestFinished(() => bot.close())
    await bot.send({ path: '/0/public/Time' })
    await expect.poll(() => page.locator('#decisions tbody').textContent(), PATIENT).toContain('early-bird')
  })

  it.each([360, 768, 1280])('fits a window %i pixels wide', async (width) => {
    const { page } = await open(busy, { width, height: 740 })
    await expect.poll(() => page.locator('#decisions tbody tr').count(), PATIENT).toBeGreaterThan(0)
    await page.locator('#rules details').first().click()
    const [wide, seen] = await page.evaluate<[number, number]>('[document.documentElement.scrollWidth, innerWidth]')
    expect(wide).toBeLessThanOrEqual(seen)
  })

  it('can be used without a mouse, and read aloud', async () => {
    const { page } = await open(quiet)
    await page.keyboard.press('Tab')
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the numbers')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    expect(await page.evaluate('document.documentElement.dataset.theme')).toBe('light')
    const nameless = await page
      .locator('button, select, a, [role=region], [role=img], [role=meter]')
      .evaluateAll((found) =>
        found
          .filter((one) => !one.textContent?.trim() && !one.getAttribute('aria-label') && !one.closest('label'))
          .map((one) => one.outerHTML),
      )
    expect(nameless).toEqual([])
    for (const role of ['banner', 'main', 'contentinfo'] as const) expect(await page.getByRole(role).count()).toBe(1)
    expect(await page.locator('section[aria-labelledby]').count()).toBe(
      await page.getByRole('heading', { level: 2 }).count(),
    )
    expect(await page.locator('[aria-live]').count()).toBe(1)
  })

  it('remembers the theme that was chosen', async () => {
    const { page } = await open(quiet)
    const theme = () => page.evaluate('document.documentElement.dataset.theme')
    await page.emulateMedia({ colorScheme: 'dark' })
    await expect.poll(theme, PATIENT).toBe('dark')
    await page.getByRole('button', { name: 'Theme' }).click()
    await page.reload()
    expect(await theme()).toBe('light')
  })

  it('takes the names of bots for text, whatever they are, and runs no script but its own', async () => {
    const scene = await stage()
    const { page } = await open(scene)
    const name = '<img src=x onerror=document.title=1>'
    const bot = openClient(scene.weir, { name: encodeURIComponent(name) })
    onTestFinished(() => bot.close())
    await bot.send({ path: '/0/public/Time' })
    await expect.poll(() => page.locator('#decisions tbody').textContent(), PATIENT).toContain('img src=x')
    expect(await page.locator('main img').count()).toBe(0)
    await page.evaluate(
      `document.body.append(Object.assign(document.createElement('script'), { text: 'document.title = 1' }))`,
    )
    expect(await page.title()).toBe('weir')
  })

  it('works behind a token, which a browser asks its user for', async () => {
    const scene = await openScene({ env: { WEIR_ADMIN_TOKEN: 'open sesame' } })
    onTestFinished(() => scene[Symbol.asyncDispose]())
    expect((await fetch(scene.weir.admin)).status).toBe(401)
    const page = await browser.newPage({ httpCredentials: { username: '', password: 'open sesame' } })
    onTestFinished(() => page.close())
    await page.goto(scene.weir.admin)
    await linked(page, 'live')
    await expect.poll(() => page.locator('#rules details').count(), PATIENT).toBeGreaterThan(1)
  })

  it('can not be pressed by another site', async () => {
    const lever = `${quiet.weir.admin}/v1/breakers/api.kraken.com/open`
    const evil = createServer((_, response) => {
      response.writeHead(200, { 'Content-Type': 'text/html' })
      response.end(`<form method="post" action="${lever}"><button>Win</button></form>`)
    })
    await new Promise<void>((resolve) => evil.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void evil.close())
    const page = await browser.newPage()
    onTestFinished(() => page.close())
    await page.goto(`http://127.0.0.1:${(evil.address() as AddressInfo).port}/`)
    await page.evaluate((url) => fetch(url, { method: 'POST', mode: 'no-cors' }).catch(() => undefined), lever)
    await page.getByRole('button').click()
    await expect.poll(() => page.textContent('body'), PATIENT).toContain('State can not be changed from another site')
    const told = await (await fetch(`${quiet.weir.admin}/v1/breakers/api.kraken.com`)).json()
    expect(told).toMatchObject({ state: 'closed' })
  })
})

type Changes = readonly { readonly at_wall_ms: number; readonly from: string; readonly to: string }[]

interface Limit {
  readonly bucket: string
  readonly scope: string
  readonly available: number
  readonly capacity: number
  readonly refill_per_second: number
}

const linked = (page: Page, state: string): Promise<void> =>
  expect.poll(() => page.locator('#link').textContent(), { timeout: 30_000, interval: 50 }).toBe(state)
