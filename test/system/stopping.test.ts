// SIGTERM while bots wait for an exchange that does not answer: the process that users start, over real sockets.

import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as tlsConnect } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { answerJson, startOrigin } from '../forward/origin.ts'
import { eventually, tunnel, Wire } from '../inbound/support.ts'
import { startWeir, type Weir } from '../support/weir.ts'

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

const open = async (weir: Weir): Promise<Wire> => {
  const under = await tunnel(weir.port, HOST)
  under.socket.removeAllListeners('data')
  const socket = tlsConnect({ socket: under.socket, servername: HOST, ca: readFileSync(weir.caFile) })
  await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
  return new Wire(socket, under.raw)
}
