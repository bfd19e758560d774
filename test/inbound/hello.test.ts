// What a ClientHello tells in transparent mode besides HTTP: the host also where the session is an earlier one, and the bot.

import { connect } from 'node:tls'
import { describe, expect, test } from 'vitest'
import { answers, certificate, dial, encrypt, KRAKEN, start, tunnel, Wire } from './support.ts'

const GET = `GET /a HTTP/1.1\r\nHost: ${KRAKEN}\r\n\r\n`

// The second connection of a ccxt bot that was led to weir as transparent TLS was told "This is a forward proxy": OpenSSL
// asks for a name only where it needs a certificate, and a resumed session needs none.
describe('a resumed session', { timeout: 20_000 }, () => {
  const ask = async (port: number, session?: Buffer) => {
    const socket = connect({
      port,
      host: '127.0.0.1',
      servername: KRAKEN,
      ca: certificate,
      ...(session && { session }),
    })
    const tickets: Buffer[] = []
    socket.on('session', (ticket) => tickets.push(ticket))
    using wire = new Wire(socket)
    const heard = await wire.say(GET).until((text) => answers(text, 1))
    return { heard, reused: socket.isSessionReused(), ticket: tickets[0] }
  }

  test('names its host too', async () => {
    await using weir = await start()
    const first = await ask(weir.port)
    const second = await ask(weir.port, first.ticket)
    expect([first.reused, second.reused]).toEqual([false, true])
    expect([first.heard, second.heard]).toEqual([expect.stringMatching(/ 200 /), expect.stringMatching(/ 200 /)])
  })
})

describe('the name of a bot among the protocols', { timeout: 20_000 }, () => {
  const botOf = async (over: 'transparent' | 'tunnel', protocols: string[], line?: string) => {
    await using weir = await start()
    const under = over === 'tunnel' ? await tunnel(weir.port, KRAKEN, line) : await dial(weir.port)
    using wire = await encrypt(under, KRAKEN, protocols)
    expect(wire.socket.alpnProtocol).toBe('http/1.1')
    await wire.say(GET).until((heard) => answers(heard, 1))
    return weir.calls[0]?.bot
  }

  test('is taken, and is never the protocol', async () => {
    expect(await botOf('transparent', ['http/1.1', 'weir-bot/grid%201'])).toBe('grid 1')
    expect(await botOf('transparent', ['weir-bot/grid', 'h2', 'http/1.1'])).toBe('grid')
  })

  test('is bounded and one line, and none at all when nothing is in it', async () => {
    expect(await botOf('transparent', ['http/1.1', `weir-bot/a%0Ab${'c'.repeat(100)}`])).toBe(`ab${'c'.repeat(62)}`)
    expect(await botOf('transparent', ['http/1.1', 'weir-bot/'])).toBe('127.0.0.1')
  })

  test('is not believed against the proxy user', async () => {
    const word = Buffer.from('user:x').toString('base64')
    const line = `CONNECT ${KRAKEN}:443 HTTP/1.1\r\nHost: ${KRAKEN}:443\r\nProxy-Authorization: Basic ${word}\r\n\r\n`
    expect(await botOf('tunnel', ['http/1.1', 'weir-bot/other'], line)).toBe('user')
  })
})
