// HTTP and WebSocket clients, each as its users run it: under `weir exec`, which changes nothing of the bot, by the
// variables of the README, or with the exchanges' names led to weir. weir sees their calls, nothing goes past it, and what
// weir says arrives as the client's own users expect.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openCommand, openGo, openPython } from './needs.ts'
import { byBundle, httpRows, mappedWebSocketRows, webSocketRows } from './rows.ts'
import { byHand, expectServed, openSweep, type Sweep } from './sweep.ts'

const [python, coinbasePython, oldPython, go, wget, php, java] = await Promise.all([
  openPython('./requirements.txt'),
  openPython('./requirements-coinbase.txt'),
  openPython('./requirements-old.txt'),
  openGo('./programs/with-http.go'),
  openCommand(['wget', '--version'], ['wget']),
  openCommand(['php', '--ri', 'curl'], ['php-cli', 'php-curl']),
  openCommand(['javac', '--version'], ['default-jdk-headless']),
])
const tools = { python, coinbasePython, oldPython, go, wget, php, java }
const HTTP = httpRows(tools)
/** Ten times what a row takes on a quiet machine. */
const PATIENCE_MS = 100_000

let sweep: Sweep

beforeAll(async () => {
  sweep = await openSweep()
  // Coinbase tells its time once an hour here, and this is it: the bots' own question is refused.
  const time = 'https://api.coinbase.com/api/v3/brokerage/time'
  await sweep.run('first', ['curl', '--silent', time], byHand(byBundle))
}, PATIENCE_MS)

afterAll(() => sweep?.[Symbol.asyncDispose]())

describe('an HTTP client', { timeout: PATIENCE_MS }, () => {
  it('is seen when it goes past weir', async ({ skip }) => {
    skip(!sweep.isolated, 'no recorder')
    const [{ command = [] } = {}] = HTTP
    const { past, heard, reached } = await sweep.runLost(command)
    expect({ past, heard, reached }).toEqual({ past: 3, heard: [], reached: [] })
  })

  for (const { name, command, error, agent, flags = [] } of HTTP) {
    it.skipIf(command.length === 0)(`(${name}) goes through weir under weir exec`, async () => {
      expectServed(await sweep.run(name, command, { exec: flags }), error, agent)
    })
  }

  for (const { name, command, error, agent, trust } of HTTP) {
    if (trust === undefined) continue
    it.skipIf(command.length === 0)(`(${name}) goes through weir by variables alone`, async () => {
      expectServed(await sweep.run(`${name} by hand`, command, byHand(trust)), error, agent)
    })
  }

  it.skipIf(go === undefined)(
    'with a transport that knows no proxy goes through weir by a hosts file',
    async ({ skip }) => {
      skip(!sweep.isolated, 'no namespaces')
      expectServed(await sweep.run('bare Go', [String(go), 'bare'], { mapped: byBundle }), '', /^Go-http-client\//)
    },
  )
})

describe('a WebSocket client', { timeout: PATIENCE_MS }, () => {
  const HEARD = { stdout: 'hello', reached: [{ host: 'ws.kraken.com' }] }

  for (const [name, command] of webSocketRows(tools)) {
    it.skipIf(command.length === 0)(`(${name}) goes through weir under weir exec`, async () => {
      expect(await sweep.run(name, command, { exec: [] })).toMatchObject(HEARD)
    })
  }

  for (const [name, command] of mappedWebSocketRows(tools)) {
    it.skipIf(command.length === 0)(`(${name}) goes through weir by a hosts file`, async ({ skip }) => {
      skip(!sweep.isolated, 'no namespaces')
      expect(await sweep.run(`${name} mapped`, command, { mapped: byBundle })).toMatchObject(HEARD)
    })
  }
})
