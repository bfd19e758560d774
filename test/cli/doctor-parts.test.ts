// What `weir doctor` makes of facts, without any weir.

import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { remoteEnds } from '../../src/cli/connections.ts'
import { botFindings, type Gathered, judgeBot } from '../../src/cli/doctor-bot.ts'
import { bypassFinding, egressFinding, grouped, reachFinding, reachFindings } from '../../src/cli/doctor-checks.ts'
import { languageOf, routeFix } from '../../src/cli/doctor-fixes.ts'
import type { ReachView } from '../../src/core/views.ts'

const view = (change: Partial<ReachView>): ReachView => ({
  host: 'api.kraken.com',
  rerouted: undefined,
  local: '10.0.0.5',
  remote: '203.0.113.9:443',
  certificateEndsWallMs: undefined,
  tookMs: 20,
  error: undefined,
  skewMs: undefined,
  skewErrorMs: undefined,
  ...change,
})

describe('a clock', () => {
  it.each([
    [300, 510, 'well', 'clocks agree'],
    [1400, 510, 'well', 'clocks agree'],
    [-3000, 510, 'doubtful', "the clock here is at least 2.5 s ahead of the exchange's"],
    [9000, 500, 'ill', "the clock here is at least 8.5 s behind the exchange's"],
  ])('that is %i ms off, give or take %i, is %s', (skewMs, skewErrorMs, verdict, says) => {
    expect(reachFinding(view({ skewMs, skewErrorMs }))).toMatchObject({ verdict, says: expect.stringContaining(says) })
  })
})

describe('an exchange that can not be reached', () => {
  it.each([
    ['self-signed certificate in certificate chain', /--upstream-ca/],
    ['getaddrinfo ENOTFOUND api.kraken.com', /--dns/],
    ['connect ECONNREFUSED 203.0.113.9:443', /firewall/],
    ['api.kraken.com leads back to weir (a hosts file …)', /transparent\.md/],
  ])('because of "%s" comes with advice', (error, fix) => {
    expect(reachFinding(view({ error }))).toMatchObject({ verdict: 'ill', fix: expect.stringMatching(fix) })
  })
})

describe('exchanges that can not be reached', () => {
  const lost = (host: string) => view({ host, error: `getaddrinfo ENOTFOUND ${host}` })
  const all = [view({ host: 'a.test' }), lost('b.test'), lost('c.test'), view({ host: 'd.test', error: 'timed out' })]

  // Without DNS the same two lines stood there fourteen times.
  it('for one reason are one line', () => {
    expect(grouped(reachFindings(all))).toMatchObject([
      { subject: 'a.test', verdict: 'well' },
      { subject: '2 hosts', verdict: 'ill', says: 'can not be reached: getaddrinfo ENOTFOUND: b.test, c.test' },
      { subject: 'd.test', verdict: 'ill', says: 'can not be reached: timed out' },
    ])
  })

  // Hosts that a bot never calls made the status 1 although all of its calls were fine.
  it('are ill only where the bot called them, once it is known what it called', () => {
    expect(reachFindings(all, new Set(['a.test', 'c.test']))).toMatchObject([
      { subject: 'a.test', verdict: 'well' },
      { subject: 'b.test', verdict: 'doubtful' },
      { subject: 'c.test', verdict: 'ill' },
      { subject: 'd.test', verdict: 'doubtful', says: 'can not be reached: timed out (the bot did not call it)' },
    ])
  })
})

describe('the way out', () => {
  it('is doubtful where calls leave from several addresses, which limits by IP tell apart and weir does not', () => {
    expect(egressFinding([view({}), view({})])).toMatchObject({ verdict: 'well' })
    expect(egressFinding([view({}), view({ local: '10.0.0.6' })])).toMatchObject({ verdict: 'doubtful' })
    expect(egressFinding([view({ local: undefined })])).toMatchObject({ verdict: 'doubtful' })
  })
})

describe('traffic beside weir', () => {
  it('is told from the metric, whatever its prefix, and not at all where there is none', () => {
    const loud =
      '# HELP\nx_bypass_suspected_total{exchange="kraken",bucket="private"} 3\nx_bypass_suspected_total{exchange="coinbase"} 0\n'
    expect(bypassFinding(loud)).toMatchObject({
      verdict: 'doubtful',
      says: expect.stringContaining('3 times (exchange=kraken,bucket=private)'),
    })
    expect(bypassFinding('weir_bypass_suspected_total 0\n')).toMatchObject({ verdict: 'well' })
    expect(bypassFinding('weir_requests_total 9\n')).toBeUndefined()
  })
})

describe('what was gathered of a bot', () => {
  const seen = (change: Partial<Gathered>): Gathered => ({
    name: 'me',
    sinceWallMs: 1000,
    calls: [],
    handshakes: [],
    ends: new Set(),
    addresses: new Map([['a.test', new Set(['203.0.113.9:443'])]]),
    ...change,
  })
  const call = (bot: string, atWallMs = 2000) => ({ bot, host: 'a.test', atWallMs })
  const handshake = {
    atWallMs: 2000,
    bot: 'me',
    host: 'a.test',
    outcome: 'unused',
    reason: 'closed',
    times: 1,
  } as const
  const places = { proxy: '127.0.0.1:8080', bundle: '/b.pem', ca: '/c.pem' }

  it('is not what others did, or what happened before', () => {
    const calls = [call('other'), call('me', 999), call('203.0.113.1')]
    expect(judgeBot(seen({ calls }), ['a.test'])).toMatchObject([{ state: 'not_seen', calls: 0 }])
  })

  it('may be what came from this machine without a name, which is said', () => {
    const reports = judgeBot(seen({ calls: [call('127.0.0.1/go-http-client')] }), ['a.test'])
    expect(reports).toMatchObject([{ state: 'seen', unnamed: true }])
    expect(botFindings(reports, 'go', places)).toMatchObject([
      { verdict: 'doubtful', says: expect.stringContaining("without the bot's name") },
    ])
  })

  it('counts an unused connection against trust only when nothing else came', () => {
    expect(judgeBot(seen({ handshakes: [handshake] }), ['a.test'])).toMatchObject([{ state: 'distrusts' }])
    expect(judgeBot(seen({ handshakes: [handshake], calls: [call('me')] }), ['a.test'])).toMatchObject([
      { state: 'seen' },
    ])
    expect(judgeBot(seen({ handshakes: [{ ...handshake, bot: '127.0.0.1' }] }), ['a.test'])).toMatchObject([
      { state: 'not_seen' },
    ])
  })

  it('says once that hosts which share an address were called past weir', () => {
    const addresses = new Map(['a.test', 'b.test'].map((host) => [host, new Set(['203.0.113.9:443'])]))
    const reports = judgeBot(seen({ addresses, ends: new Set(['203.0.113.9:443']) }), ['a.test', 'b.test'])
    expect(botFindings(reports, 'go', places)).toMatchObject([
      {
        subject: 'a.test',
        verdict: 'ill',
        says: expect.stringContaining('or one of 1 others'),
        fix: routeFix('go', places),
      },
    ])
  })
})

describe('the language of a command', () => {
  it.each([
    ['python3.12 bot.py', 'python'],
    ['env A=1 timeout 5 node bot.js', 'node'],
    ['/opt/jdk/bin/java -jar bot.jar', 'java'],
    ['go run .', 'go'],
    ['php8.3 bot.php', 'php'],
    ['freqtrade trade', 'python'],
    ['sh -c whatever', 'other'],
    ['no-such-command', 'other'],
  ] as const)('%s is %s', (command, language) => {
    expect(languageOf(command.split(' '), process.env.PATH)).toBe(language)
  })

  it('is read from the file where the name does not tell', () => {
    const dir = mkdtempSync(join(tmpdir(), 'weir-doctor-'))
    onTestFinished(() => rmSync(dir, { recursive: true }))
    const write = (name: string, text: string | Buffer): string => {
      writeFileSync(join(dir, name), text)
      return join(dir, name)
    }
    expect(languageOf([write('bot', '#!/usr/bin/env python3\n')], '')).toBe('python')
    expect(languageOf(['bot'], dir)).toBe('python')
    // Go's mark lies anywhere in the file, across two pieces of reading too.
    expect(
      languageOf([write('b', Buffer.concat([Buffer.alloc((1 << 20) - 5, 1), Buffer.from('Go buildinf:')]))], ''),
    ).toBe('go')
    expect(languageOf([write('c', Buffer.alloc(3 << 20, 1))], '')).toBe('other')
  })
})

describe('connections of a process', () => {
  it.runIf(process.platform === 'linux')('are seen while they are open, of both families', async ({ skip }) => {
    for (const host of ['127.0.0.1', '::1']) {
      const server = createServer().listen(0, host)
      onTestFinished(() => void server.close())
      const up = await once(server, 'listening').catch(() => undefined)
      if (up === undefined) return skip('no IPv6 here')
      const { port } = server.address() as { port: number }
      const socket = connect(port, host)
      await once(socket, 'connect')
      expect(remoteEnds(process.pid)).toContain(`${host}:${port}`)
      socket.destroy()
    }
    expect(remoteEnds(2 ** 30)).toEqual(new Set())
  })
})
