// A bad hour in half a minute, as a script: a storm of 429s, an outage, recovery, a bot that floods, a key that is refused, and
// one that the exchange has locked out. After each act the alerts, the analysis, the statistics, the health pages and the metrics are held against what the simulated
// exchange did and saw, and the dashboard in a real browser shows the same.

import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ask } from '../support/exchange/ask.ts'
import { tooManyRequests } from '../support/exchange/faults.ts'
import { shippedLimits } from '../support/weir.ts'
import { type Client, openClient } from './client.ts'
import {
  type Alert,
  type Analysis,
  chromiumPath,
  holds,
  listenForAlerts,
  metric,
  openScreen,
  over,
  pageOf,
  type Screen,
  SECRET,
  type Stage,
  sights,
  sum,
  until,
  use,
} from './incident-stage.ts'
import { openScene } from './scene.ts'
import { advancedGet, krakenPoster } from './sign.ts'

const KRAKEN = 'api.kraken.com'
const COINBASE = 'api.coinbase.com'
const LOCKED_OUT = 'EGeneral:Temporary lockout'
/** User-Agent of a program that does not go through weir. */
const PAST_WEIR = 'past-weir'

describe('a bad hour', () => {
  it('is told step by step, and every page agrees with the exchange', { timeout: 240_000 }, playIt)

  it.skipIf(chromiumPath === undefined)('is seen on the dashboard, step by step', () => {
    expect(sights.map(({ what }) => what)).toHaveLength(13)
    expect(sights.filter(({ seen }) => !seen)).toEqual([])
  })
})

async function playIt(): Promise<void> {
  const hook = await listenForAlerts()
  const config = await shippedLimits({
    'max_queue: 1000': 'max_queue: 5',
    'alerts: { debounce: 10m }': `alerts: { webhook: { url: '${hook.url}' } }`,
  })
  const { exchange, weir } = await openScene({ config, exchange: { latencyMs: 40 }, env: { ALERT_DEBOUNCE_MIN: '0' } })
  const bots = (name: string): Client => {
    const client = openClient(weir, { name })
    onTestFinished(() => client.close())
    return client
  }
  const stage: Stage = { exchange, weir, bots, hook: hook.told, page: (path) => pageOf(weir, path) }

  const screen = await openScreen(weir)
  await calm(stage)
  await screen.empty('[data-alert]')
  await storm(stage)
  await screen.shows('[data-alert="violations"]')
  await outage(stage)
  await screen.shows(`[data-alert="breaker_open"]:has-text("${KRAKEN}")`)
  await screen.shows(`[data-host="${KRAKEN}"]:not([data-state="closed"])`)
  await recovery(stage)
  await screen.empty(`[data-alert="breaker_open"]:has-text("${KRAKEN}")`)
  await screen.shows(`[data-host="${KRAKEN}"][data-state="closed"]`)
  await flood(stage)
  await screen.shows('[data-alert="rejections"]')
  // The key rests for half a minute only: it must be seen meanwhile.
  await Promise.all([refusedKey(stage), screen.shows('[data-alert="key_rests"]')])
  await lockedOutKey(stage)
  await screen.shows('[data-alert="key_rests"]:has-text("Temporary lockout")')
  await reckoning(stage)
  await reckoningOnScreen(stage, screen)
}

const calm = async ({ exchange, bots, page }: Stage): Promise<void> => {
  const post = krakenPoster(exchange.krakenKey('grid'))
  const grid = bots('grid')
  for (let call = 0; call < 3; call += 1) expect((await grid.send(post('Balance'))).decision).toBe('forwarded')
  await bots('mm').send({ path: '/0/public/Ticker?pair=XBTUSD' })
  expect(await page('/v1/alerts')).toEqual({ alerts: [] })
  expect(await page('/v1/failures/analysis?service=kraken')).toMatchObject({ total_failures: 0, recommendations: [] })
  expect(await page('/health')).toMatchObject({ status: 'healthy', reasons: [] })
  expect(await use(page, 'grid')).toMatchObject({ calls: 3, rejection_rate: 0 })
}

/** Coinbase refuses three calls that weir had budget for. */
const storm = async ({ exchange, bots, page, weir }: Stage): Promise<void> => {
  exchange.fault({ ...tooManyRequests(), host: COINBASE, times: 3 })
  const key = exchange.coinbaseKey('scanner')
  const scanner = bots('scanner')
  await Promise.all(
    ['accounts', 'orders/historical/fills', 'portfolios'].map((what) => scanner.send(advancedGet(key, what))),
  )
  const refused = exchange.calls.filter(({ host, verdict }) => host === COINBASE && verdict.startsWith('fault')).length
  expect(refused).toBe(3)

  await holds(page, 'violations')
  expect(sum(await metric(weir, 'rate_limit_violations_total', 'exchange="coinbase"'))).toBe(refused)
  const analysis = await page<Analysis>('/v1/failures/analysis?service=coinbase')
  expect(analysis).toMatchObject({ total_failures: refused, categories: { rate_limit: refused } })
  expect(analysis.detected_patterns).toMatchObject([{ name: 'http_429', count: refused }])
  const limits = await page<Record<string, unknown>>('/health/rate_limits')
  expect(limits).toMatchObject({ status: 'degraded', '429_errors_last_5min': refused, violations: refused })
  expect(await page('/errors')).toMatchObject({
    errors: [{}, {}, { message: 'http 429', error_type: 'coinbase.private' }],
  })
}

/** Kraken answers 503 until further notice. */
const outage = async ({ exchange, bots, page, weir, hook }: Stage): Promise<void> => {
  const post = krakenPoster(exchange.krakenKey('grid'))
  const before = exchange.calls.length
  exchange.fault({ kind: 'answer', status: 503, body: '', host: KRAKEN, times: Number.POSITIVE_INFINITY })
  for (let call = 0; call < 5; call += 1) await bots('grid').send(post('Balance'))
  await sleep(1100)
  const old = await bots('mm').send({ path: '/0/public/Ticker?pair=XBTUSD' })
  expect(old.decision).toBe('stale')
  const failed = exchange.calls.slice(before).filter(({ bot }) => bot !== 'weir').length
  expect(failed).toBeGreaterThanOrEqual(5)

  await holds(page, 'breaker_open', KRAKEN)
  await until(async () => hook.includes(`firing breaker_open ${KRAKEN}`), 'the webhook hears of the breaker')
  expect(await metric(weir, 'circuit_breaker_state', `host="${KRAKEN}"`)).not.toEqual([0])
  const analysis = await page<Analysis>('/v1/failures/analysis?service=kraken')
  expect(analysis).toMatchObject({ total_failures: failed, categories: { server: failed } })
  expect(analysis.recommendations.join()).toContain(`${failed} × bad_gateway at kraken`)
  const response = await fetch(`${weir.admin}/health`)
  expect([response.status, await response.json()]).toMatchObject([200, { status: 'degraded' }])
  const { services } = await page<{ services: readonly object[] }>('/health/detailed')
  expect(services).toContainEqual(
    expect.objectContaining({
      name: KRAKEN,
      status: 'degraded',
      last_error: expect.objectContaining({ message: 'http 503' }),
    }),
  )
  expect(await page('/v1/breakers')).toMatchObject({ health_summary: { healthy: expect.any(Number) } })
  expect((await use(page, 'mm')).saved).toBe(1)
}

const recovery = async ({ exchange, bots, page, weir, hook }: Stage): Promise<void> => {
  exchange.clearFaults()
  let count = 0
  await until(async () => {
    count += 1
    await bots('mm').send({ path: `/0/public/Depth?pair=XBTUSD&count=${count}` })
    return (await metric(weir, 'circuit_breaker_state', `host="${KRAKEN}"`))[0] === 0
  }, 'the breaker closes')
  await over(page, 'breaker_open', KRAKEN)
  await until(async () => hook.includes(`resolved breaker_open ${KRAKEN}`), 'the webhook hears that it is over')
  const { services } = await page<{ services: readonly object[] }>('/health/detailed')
  expect(services).toContainEqual(expect.objectContaining({ name: KRAKEN, status: 'healthy' }))
  const { errors } = await page<{ errors: { message: string; resolved: boolean }[] }>('/errors')
  const ofTheOutage = errors.filter(({ message }) => message === 'http 503')
  expect(ofTheOutage.length).toBeGreaterThan(0)
  expect(ofTheOutage.filter(({ resolved }) => !resolved)).toEqual([])
}

/** One bot asks for far more than there is. */
const flood = async ({ exchange, bots, page }: Stage): Promise<void> => {
  const flooder = bots('flooder')
  const before = exchange.violations.length
  const depth = (count: number) => flooder.send({ path: `/0/public/Depth?pair=ETHUSD&count=${count}` })
  const answers = await Promise.all(Array.from({ length: 40 }, (_, index) => depth(index + 1)))
  const refused = answers.filter(({ decision }) => decision === 'refused').length
  expect(refused).toBeGreaterThan(20)
  expect(exchange.violations).toHaveLength(before)

  // Classes that take from one bucket share a line, which is called by the first of them.
  expect((await holds(page, 'queue_full')).subject).toMatch(/^kraken\./)
  await holds(page, 'rejections', 'kraken')
  expect(await use(page, 'flooder')).toMatchObject({ calls: 40, limited: refused, rejection_rate: refused / 40 })
  const { recommendations } = await page<Analysis>('/v1/failures/analysis?service=kraken')
  expect(recommendations.join()).toMatch(/of \d+ calls to kraken were refused for want of budget/)
  await over(page, 'queue_full')
}

/** A bot with a wrong secret: weir stops its key before the exchange locks it out; others go on. */
const refusedKey = async ({ exchange, bots, page }: Stage): Promise<void> => {
  const good = exchange.krakenKey('broken')
  const post = krakenPoster({ ...good, secret: Buffer.from('wrong').toString('base64') })
  const broken = bots('broken')
  for (let call = 0; call < 4; call += 1) await broken.send(post('Balance'))
  expect(await broken.send(post('Balance'))).toMatchObject({ decision: 'refused' })
  expect(exchange.account(good.key)).toMatchObject({ invalidSignatures: 4, lockouts: 0 })

  const { subject } = await holds(page, 'key_rests')
  expect(good.key).not.toContain(subject)
  const analysis = await page<Analysis>('/v1/failures/analysis?service=kraken')
  expect(analysis.detected_patterns).toContainEqual(expect.objectContaining({ name: 'refused_key', count: 4 }))
  const others = krakenPoster(exchange.krakenKey('other'))
  expect((await bots('other').send(others('Balance'))).decision).toBe('forwarded')
  await over(page, 'key_rests')
}

/**
 * The exchange locks a key out, for a program that signs with it past weir: the bot's first call is the last, for a quarter of an
 * hour; others go on.
 */
const lockedOutKey = async ({ exchange, bots, page, hook }: Stage): Promise<void> => {
  const key = exchange.krakenKey('locked')
  const wrong = krakenPoster({ ...key, secret: Buffer.from('wrong').toString('base64') })
  for (let call = 0; exchange.account(key.key).lockouts === 0 && call < 20; call += 1) {
    const { headers, ...asked } = wrong('Balance')
    await ask(exchange, { ...asked, headers: { ...headers, 'User-Agent': PAST_WEIR } })
  }
  const post = krakenPoster(key)
  const locked = bots('locked')
  const [first, second] = [await locked.send(post('Balance')), await locked.send(post('Balance'))]
  expect(first).toMatchObject({ decision: 'forwarded', json: { error: [LOCKED_OUT] } })
  expect(second).toMatchObject({ decision: 'refused' })
  expect(Number(second.headers['retry-after'])).toBeGreaterThan(800)

  const { subject, message } = await holds(page, 'key_rests')
  expect(message).toMatch(/rests for 1[45] min, .+: EGeneral:Temporary lockout\.$/)
  await until(async () => hook.includes(`firing key_rests ${subject}`), 'the webhook hears of the key')
  const analysis = await page<Analysis>('/v1/failures/analysis?service=kraken')
  expect(analysis.detected_patterns).toContainEqual(expect.objectContaining({ name: 'temporary_lockout', count: 1 }))
  const others = krakenPoster(exchange.krakenKey('other'))
  expect((await bots('other').send(others('Balance'))).decision).toBe('forwarded')
}

/** Tiles, bots and decisions on the dashboard say what the exchange saw. */
const reckoningOnScreen = async ({ exchange, page }: Stage, screen: Screen): Promise<void> => {
  const seen = exchange.calls.filter(isBots)
  const turnedAway = seen.filter(({ verdict, reason, host }) => reason === LOCKED_OUT || isStorm(verdict, host)).length
  expect(turnedAway).toBe(4)
  await screen.agrees('.tile:has-text("Turned away") strong', [String(turnedAway)])
  const depths = seen.filter(({ path, query }) => path.endsWith('Depth') && query.get('pair') === 'ETHUSD').length
  const { limited } = await use(page, 'flooder')
  expect(depths + limited).toBe(40)
  await screen.agrees('#bots tbody tr:has(th:text-is("flooder")) td:nth-child(2)', ['40'])
  await screen.agrees('#bots tbody tr:has(th:text-is("flooder")) td:nth-child(3)', [
    `${40 - depths} (${Math.round(((40 - depths) / 40) * 100)} %)`,
  ])
  const { key } = exchange.krakenKey('broken')
  const sent = seen.filter(({ headers }) => headers['api-key'] === key).length
  await screen.agrees('#decisions tbody tr:has(td:nth-child(2):text-is("broken")) td:nth-child(4)', [
    'refused',
    ...Array.from({ length: sent }, () => 'forwarded'),
  ])
}

const isStorm = (verdict: string, host: string): boolean => host === COINBASE && verdict.startsWith('fault')

/** Not weir's own questions, and not what went past it. */
const isBots = ({ bot }: { readonly bot: string }): boolean => bot !== 'weir' && bot !== PAST_WEIR

/** What was counted is what happened, and the address of the webhook stayed secret. */
const reckoning = async ({ exchange, page, weir }: Stage): Promise<void> => {
  const seen = exchange.calls.filter(isBots).length
  expect(sum(await metric(weir, 'upstream_responses_total', ''))).toBe(seen)
  const { bots } = await page<{ bots: readonly { calls: number }[] }>('/v1/stats')
  const calls = sum(bots.map((bot) => bot.calls))
  expect(sum(await metric(weir, 'requests_total', ''))).toBe(calls)
  expect(sum(await metric(weir, 'class_queue_wait_seconds_count', ''))).toBe(calls)
  const { alerts } = await page<{ alerts: readonly Alert[] }>('/v1/alerts')
  expect(new Set(alerts.map(({ rule }) => rule))).toEqual(
    new Set(['violations', 'breaker_open', 'queue_filling', 'queue_full', 'rejections', 'key_rests']),
  )
  const told = [
    weir.logs(),
    ...(await Promise.all(['/v1/rules', '/v1/status', '/v1/alerts'].map((path) => page(path)))),
  ]
  expect(JSON.stringify(told)).not.toContain(SECRET)
}
