// SIGTERM while bots wait for an exchange that does not answer: the process that users start, over real sockets.

import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as tlsConnect } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { answerJson, startOrigin } from '../forward/origin.ts'
import { eventually, tunnel, Wire } from '../inbound/support.ts'
import { shippedLimits, startWeir, type Weir } from '../support/weir.ts'

const HOST = 'api.exchange.coinbase.com'
/** As many failures in a row as open a breaker, and one more. */
const BOTS = 6
const order = (nth: number): string =>
  `POST /orders HTTP/1.1\r\nHost: ${HOST}\r\nCB-ACCESS-KEY: k${nth}\r\nContent-Length: 2\r\n\r\n{}`

// All of them read an end without a word, where the log said 502: nobody knew what had become of the orders. And what weir had
// broken off itself opened the breaker, which was still half open after the restart.
test('calls that outlast the grace are answered, and count against nobody', { timeout: 90_000 }, async () => {
  let silent = true
  const origin = await startOrigin((socket) => {
    if (!silent) answerJson(socket, '{}')
  })
  const home = await mkdtemp(join(tmpdir(), 'weir-stopping-'))
  onTestFinished(() => rm(home, { recursive: true }))
  const caFile = join(home, 'ca.pem')
  await writeFile(caFile, origin.caPem)
  const options = { exchange: { port: origin.port, caFile }, stateDir: join(home, 'state') }
  await using weir = await startWeir(options)
  const bots = await Promise.all(Array.from({ length: BOTS }, () => open(weir)))
  for (const [nth, bot] of bots.entries()) bot.say(order(nth))
  await eventually(() => origin.requests.length === BOTS)

  const stopped = weir.stop()
  for (const bot of bots) {
    expect(await bot.over()).toMatch(/^HTTP\/1\.1 502 [\s\S]*X-Weir-Sent: unknown\r\n[\s\S]*weir had to stop[^}]*\}\}$/)
  }
  expect(await stopped).toBe(0)
  expect(weir.lines().map(({ msg }) => msg)).not.toContainEqual(expect.stringMatching(/breaker|handshake/))

  silent = false
  await using next = await startWeir(options)
  using bot = await open(next)
  await bot.say(order(0)).until((heard) => heard.endsWith('{}'))
  expect(bot.heard).toMatch(/^HTTP\/1\.1 200 [\s\S]*X-Weir-Breaker: closed\r\n/)
})

// Who waited when weir was told to stop was refused, once. A call that came to its line a moment later, as its body had only ended
// then, waited on: longer than weir stays, with the patience of some clients, and was cut off without an answer.
test('a call whose body ends when weir stops already is refused, and not kept waiting', {
  timeout: 90_000,
}, async () => {
  const origin = await startOrigin((socket) => answerJson(socket, '{"error":[],"result":{}}'))
  const home = await mkdtemp(join(tmpdir(), 'weir-stopping-'))
  onTestFinished(() => rm(home, { recursive: true }))
  const caFile = join(home, 'ca.pem')
  await writeFile(caFile, origin.caPem)
  // Of 15 each call takes 4: the fourth waits 20 s for the rest.
  const config = await shippedLimits({ 'starter: 0.33/s': 'starter: 0.05/s' })
  await using weir = await startWeir({ exchange: { port: origin.port, caFile }, config })
  using bot = await open(weir, KRAKEN)
  for (let nth = 1; nth <= 3; nth += 1) {
    bot.say(`${ledgers}\r\nnonce=${nth}`)
    await bot.until((heard) => heard.split('"result"').length > nth)
  }
  bot.say(`${ledgers}Expect: 100-continue\r\n\r\nnonce=`)
  await bot.until((heard) => heard.includes(' 100 Continue'))

  const stopped = weir.stop()
  await weir.logged(/^stopping/)
  const since = performance.now()
  bot.say('4')
  expect(await bot.over()).toMatch(/ 503 [\s\S]*X-Weir-Error: shutting_down\r\n/)
  expect(performance.now() - since).toBeLessThan(9_000)
  expect(await stopped).toBe(0)
  expect(origin.requests).toHaveLength(3)
})

const KRAKEN = 'api.kraken.com'
const ledgers =
  `POST /0/private/Ledgers HTTP/1.1\r\nHost: ${KRAKEN}\r\nUser-Agent: krakenex/2\r\n` +
  `API-Key: k\r\nContent-Length: 7\r\n`

const open = async (weir: Weir, host = HOST): Promise<Wire> => {
  const under = await tunnel(weir.port, host)
  under.socket.removeAllListeners('data')
  const socket = tlsConnect({ socket: under.socket, servername: host, ca: readFileSync(weir.caFile) })
  await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
  return new Wire(socket, under.raw)
}
