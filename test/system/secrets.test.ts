// Keys, signatures, tokens, passphrases and bodies pass through weir; none may stay. Everything that weir writes is
// searched, at its most talkative and with everything going wrong that can.

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import type { Asked } from '../support/asked.ts'
import { openClient } from './client.ts'
import { openScene } from './scene.ts'
import { advancedGet, exchangeGet, krakenPoster } from './sign.ts'

const ADMIN_PAGES = [
  ...['/metrics', '/health', '/health/detailed', '/health/metrics', '/health/rate_limits', '/health/prometheus'],
  ...['/', '/v1/limits', '/v1/queues', '/v1/breakers', '/v1/recent', '/v1/violations', '/v1/status'],
  ...['/v1/alerts', '/v1/stats', '/v1/failures', '/v1/failures/analysis', '/errors'],
  ...['/v1/spenders', '/v1/history', '/v1/rules', '/v1/handshakes'],
]
const ADMIN_TOKEN = 'admin-token-5d41402a'

it('nothing secret is in the logs, the metrics, the admin pages or the files of weir', {
  timeout: 90_000,
}, async () => {
  const { exchange, weir } = await openScene({ args: ['--log-level', 'trace'], env: { WEIR_ADMIN_TOKEN: ADMIN_TOKEN } })
  const events = listenTo(`${weir.admin}/v1/events`)
  const bot = openClient({ ...weir, proxy: weir.proxy.replace('//', '//grid:proxy-password-7c6a180b@') })
  onTestFinished(() => bot.close())
  const kraken = exchange.krakenKey('secrets')
  const advanced = exchange.coinbaseKey('secrets')
  const profile = exchange.coinbaseExchangeKey('secrets')
  const post = krakenPoster(kraken)

  const asked: Asked[] = [
    post('Balance', { otp: 'otp-9e107d9d' }),
    post('AddOrder', { pair: 'XBTUSD', type: 'buy', ordertype: 'limit', price: '31415.9', volume: '0.27182818' }),
    post('CancelOrder', { txid: 'OSECRE-TTXID-ABCDEF' }),
    post('Withdraw', { asset: 'XBT', key: 'wallet-e4d909c2', amount: '1.2345678' }),
    advancedGet(advanced, 'accounts'),
    exchangeGet(profile, '/orders'),
    { path: '/0/public/Ticker?pair=XBTUSD&token=query-1a79a4d6' },
    {
      path: '/0/private/Balance',
      method: 'POST',
      body: '{"broken: "body-c81e728d',
      headers: { 'API-Key': kraken.key },
    },
    { host: 'api.coinbase.com', path: '/api/v3/brokerage/accounts', headers: { Authorization: 'Bearer jwt-eccbc87e' } },
  ]
  const jwt = asked[4]?.headers?.Authorization?.replace('Bearer ', '') ?? ''
  const signatures = asked.flatMap(({ headers = {} }) => [headers['API-Sign'], headers['CB-ACCESS-SIGN']])
  for (const call of asked) await bot.send(call)
  // The same kinds of call again, with the exchange failing in three ways and then shut out by its breaker.
  exchange.fault({ kind: 'answer', status: 500, body: { error: ['EGeneral:Internal error'] }, times: 2 })
  exchange.fault({ kind: 'reset', times: 2 })
  exchange.fault({ kind: 'answer', status: 429, times: 2, body: 'slow down' })
  for (let round = 0; round < 12; round += 1) await bot.send(post('Balance', { otp: 'otp-9e107d9d' }))
  for (const method of ['accounts', 'best_bid_ask']) await bot.send(advancedGet(advanced, method))

  const pages = await Promise.all(
    ADMIN_PAGES.map(async (path) => {
      const answer = await fetch(weir.admin + path, { headers: { Authorization: `Bearer ${ADMIN_TOKEN}` } })
      return { path, status: answer.status, text: await answer.text() }
    }),
  )
  expect(pages.filter(({ status }) => status !== 200)).toEqual([])
  // The stream tells in beats; the last calls are on their way for as long as one of them.
  await expect.poll(events, { timeout: 5_000 }).toMatch(/event: call\ndata: {.*"bot":"grid".*"error":"circuit_open"/)
  await expect.poll(events, { timeout: 5_000 }).toContain('event: levels')
  const filesWhileRunning = await filesIn(weir.stateDir)
  await weir.stop()
  const texts = [
    { path: 'log', text: weir.logs() },
    { path: '/v1/events', text: events() },
    ...pages,
    ...filesWhileRunning,
    ...(await filesIn(weir.stateDir)),
  ]

  // The search would find what is there.
  expect(weir.lines().some(({ bot: name }) => name === 'grid')).toBe(true)
  expect(weir.lines().some(({ method, host }) => method === 'POST' && host === 'api.kraken.com')).toBe(true)
  expect(weir.logs()).toContain('circuit_open')
  expect(texts.map(({ path }) => path)).toContain('weir.db')
  const secrets = [
    ...[kraken.key, kraken.secret, advanced.name, profile.key, profile.secret, profile.passphrase],
    ...[jwt, jwt.split('.')[2] ?? '', ...signatures.filter((signature) => signature !== undefined)],
    ...['proxy-password-7c6a180b', 'otp-9e107d9d', '31415.9', '0.27182818', 'OSECRE-TTXID-ABCDEF', 'wallet-e4d909c2'],
    ...['query-1a79a4d6', 'body-c81e728d', 'jwt-eccbc87e', ADMIN_TOKEN],
  ]
  expect(secrets.every((secret) => secret.length >= 6)).toBe(true)
  const found = texts.flatMap(({ path, text }) =>
    secrets.filter((secret) => spellings(secret).some((form) => text.includes(form))).map((secret) => [path, secret]),
  )
  expect(found).toEqual([])
})

/** Reads a stream to its end; the function returned says what has come so far. */
const listenTo = (url: string): (() => string) => {
  let text = ''
  const read = async () => {
    const answer = await fetch(url, { headers: { Authorization: `Bearer ${ADMIN_TOKEN}` } })
    for await (const piece of answer.body ?? []) text += Buffer.from(piece).toString()
  }
  // It ends with weir.
  void read().catch(() => undefined)
  return () => text
}

/** As it is, as it would be in a URL or form, and base64. */
const spellings = (secret: string): readonly string[] => [
  secret,
  encodeURIComponent(secret),
  Buffer.from(secret).toString('base64').replace(/=+$/, ''),
]

const filesIn = async (directory: string): Promise<{ path: string; text: string }[]> =>
  Promise.all(
    (await readdir(directory)).map(async (path) => ({ path, text: await readFile(join(directory, path), 'latin1') })),
  )
