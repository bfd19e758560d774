// CONNECT, the ClientHello and Host must name one host; ALPN; who the bot is.

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { openCommand } from '../clients/needs.ts'
import {
  answers,
  COINBASE,
  context,
  dial,
  encrypt,
  eventually,
  KRAKEN,
  secureTunnel,
  start,
  tunnel,
} from './support.ts'

const GET = `GET /a HTTP/1.1\r\nHost: ${KRAKEN}\r\n\r\n`

describe('names of the host', { timeout: 20_000 }, () => {
  test('a ClientHello that names another intercepted host than CONNECT is answered 421, per request', async () => {
    await using weir = await start()
    using bot = await encrypt(await tunnel(weir.port, KRAKEN), COINBASE)
    expect(await bot.say(GET).over()).toMatch(/^HTTP\/1\.1 421 /)
    expect(weir.calls).toHaveLength(0)
  })

  test('a ClientHello without a name gets the certificate of the host that CONNECT named', async () => {
    const shown: string[] = []
    await using weir = await start({
      contextFor: (host) => {
        shown.push(host)
        return context
      },
    })
    using bot = await encrypt(await tunnel(weir.port, COINBASE), '')
    await bot.say(GET.replace(KRAKEN, COINBASE)).until((heard) => answers(heard, 1))
    expect(shown).toEqual([COINBASE])
    expect(weir.calls[0]?.request.host).toBe(COINBASE)
  })

  test('without CONNECT, a ClientHello without a name fails the handshake', async () => {
    await using weir = await start()
    await expect(encrypt(await dial(weir.port), '')).rejects.toThrow(/handshake failure/)
  })

  test.each([
    ['in transparent mode', false],
    ['in a tunnel', true],
  ])('an unknown name gets the alert unrecognized_name %s', async (_name, inTunnel) => {
    await using weir = await start()
    const under = inTunnel ? await tunnel(weir.port) : await dial(weir.port)
    await expect(encrypt(under, 'evil.test')).rejects.toThrow(/unrecognized name/)
    expect(weir.events).toMatchObject([{ type: 'handshake.failed', code: 'host_not_allowed' }])
  })

  test('in transparent mode Host must be the name of the handshake', async () => {
    await using weir = await start()
    using bot = await encrypt(await dial(weir.port), COINBASE)
    expect(await bot.say(GET).over()).toMatch(/^HTTP\/1\.1 421 /)
  })

  test('a certificate that can not be had ends the connection, and weir goes on', async () => {
    await using weir = await start({ contextFor: () => Promise.reject(new Error('no certificate today')) })
    await expect(encrypt(await tunnel(weir.port))).rejects.toThrow()
    await expect(encrypt(await dial(weir.port))).rejects.toThrow()
    expect(weir.events.map((event) => event.reason)).toEqual(['no certificate today', 'no certificate today'])
  })

  test('a certificate may take its time, also when CONNECT and ClientHello came together', async () => {
    await using weir = await start({ contextFor: async () => context })
    using bot = await secureTunnel(weir.port)
    await bot.say(GET).until((heard) => answers(heard, 1))
    using other = await encrypt(await dial(weir.port))
    await other.say(GET).until((heard) => answers(heard, 1))
  })
})

describe('ALPN', { timeout: 20_000 }, () => {
  test.each([
    [['http/1.1'], 'http/1.1'],
    [['h2', 'http/1.1'], 'http/1.1'],
    [['http/1.1', 'h2'], 'http/1.1'],
    [undefined, false],
  ])('%j settles on %s', async (offered, chosen) => {
    await using weir = await start()
    using bot = await encrypt(await tunnel(weir.port), KRAKEN, offered)
    expect(bot.socket.alpnProtocol).toBe(chosen)
    await bot.say(GET).until((heard) => answers(heard, 1))
  })

  test('a client that offers only what weir does not speak is told so in the handshake', async () => {
    await using weir = await start()
    await expect(encrypt(await tunnel(weir.port), KRAKEN, ['h3'])).rejects.toThrow(/no application protocol/)
  })

  // Node's client verifies once the handshake is over for it, and then destroys the socket: no alert, and no Finished either.
  test.each<['destroy' | 'end', string]>([
    ['destroy', 'handshake.failed'],
    ['end', 'handshake.unused'],
  ])('a client that leaves without a word, by %s, is heard of', async (way, type) => {
    await using weir = await start()
    const bot = await encrypt(await tunnel(weir.port), KRAKEN)
    bot.socket[way]()
    await eventually(() => weir.events.length === 1)
    expect(weir.events).toMatchObject([{ type, host: KRAKEN, reason: 'closed without a word', bot: '127.0.0.1' }])
  })
})

describe('names of the bot', { timeout: 20_000 }, () => {
  const basic = (pair: string): string => `Proxy-Authorization: Basic ${Buffer.from(pair).toString('base64')}\r\n`
  test.each([
    ['the proxy user', basic('grid-bot:anything'), 'grid-bot'],
    ['the proxy user, percent-decoded', basic('grid%20bot:'), 'grid bot'],
    ['the proxy user without a password', basic('solo'), 'solo'],
    ['bounded and on one line', basic(`a%0Ab${'x'.repeat(100)}:`), `ab${'x'.repeat(62)}`],
    ['the address when the user is empty', basic(':password'), '127.0.0.1'],
    ['the address for another scheme', 'Proxy-Authorization: Bearer abc\r\n', '127.0.0.1'],
    ['the address when nothing is said', '', '127.0.0.1'],
  ])('%s', async (_name, field, expected) => {
    await using weir = await start()
    using inside = await encrypt(
      await tunnel(weir.port, KRAKEN, `CONNECT ${KRAKEN}:443 HTTP/1.1\r\nHost: ${KRAKEN}\r\n${field}\r\n`),
    )
    await inside.say(GET).until((heard) => answers(heard, 1))
    using clear = await dial(weir.port)
    await clear
      .say(`GET http://${KRAKEN}/a HTTP/1.1\r\nHost: ${KRAKEN}\r\n${field}\r\n`)
      .until((heard) => answers(heard, 1))
    expect(weir.calls.map((call) => call.bot)).toEqual([expected, expected])
    expect(weir.calls.flatMap((call) => call.request.headers)).toEqual(['Host', KRAKEN, 'Host', KRAKEN])
  })
})

const curlIsHere = await openCommand(['curl', '--version'], ['curl'])

describe.skipIf(!curlIsHere)('curl', { timeout: 20_000 }, () => {
  test.each(['https', 'http'])('reaches an %s URL through the proxy', async (scheme) => {
    await using weir = await start()
    const arguments_ = ['-sk', '--max-time', '5', '-x', `http://127.0.0.1:${weir.port}`, `${scheme}://${KRAKEN}/a`]
    expect((await promisify(execFile)('curl', arguments_)).stdout).toBe('ok')
  })

  test('that does not trust the certificate is heard of, with the reason it gave', async () => {
    await using weir = await start()
    await expect(
      promisify(execFile)('curl', ['-s', '-x', `http://127.0.0.1:${weir.port}`, `https://${KRAKEN}/a`]),
    ).rejects.toThrow()
    expect(weir.events).toMatchObject([
      { type: 'handshake.failed', host: KRAKEN, reason: 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA' },
    ])
  })
})
