// WebSockets through weir: real frames between a real client and a real server, and every way such a thing can break.

import type { IncomingMessage } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { ProxyAgent, WebSocket } from 'undici'
import { describe, expect, test } from 'vitest'
import type { InboundDeps } from '../../src/inbound/settings.ts'
import { echo } from '../support/exchange/websocket.ts'
import {
  certificate,
  dial,
  encrypt,
  eventually,
  KRAKEN,
  privateKey,
  secureTunnel,
  start,
  tunnel,
  type Wire,
} from './support.ts'

const WS = 'ws.kraken.com'
const HANDSHAKE = `GET /v2?x=//y HTTP/1.1\r\nHost: ${WS}\r\nX-Case: 1\r\nx-case: 2\r\nConnection: Upgrade, X-Hop\r\nX-Hop: 1\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\nX-Weir-Priority: low\r\n\r\n`

interface Venue extends Disposable {
  readonly server: Server
  readonly sockets: Set<Socket>
  readonly heads: string[][]
  readonly routeTo: InboundDeps['routeTo']
}

/** A TLS server that answers upgrades as told. */
const venue = async (onUpgrade: (socket: Duplex, req: IncomingMessage, head: Buffer) => void): Promise<Venue> => {
  const server = createServer({ key: privateKey, cert: certificate })
  const sockets = new Set<Socket>()
  const heads: string[][] = []
  server.on('secureConnection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  })
  server.on('upgrade', (req, socket, head) => {
    heads.push([req.url ?? '', ...req.rawHeaders])
    socket.on('error', () => {})
    onUpgrade(socket, req, head)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    server,
    sockets,
    heads,
    routeTo: () => ({ host: '127.0.0.1', port, chosen: true, ca: [certificate] }),
    [Symbol.dispose]: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

const echoing = (): Promise<Venue> => venue((socket, req, head) => echo(req, socket, head))

/** A real client that reaches the venue through weir. */
const open = async (port: number): Promise<WebSocket> => {
  const dispatcher = new ProxyAgent({ uri: `http://127.0.0.1:${port}`, requestTls: { ca: certificate } })
  const socket = new WebSocket(`wss://${WS}/v2`, { dispatcher })
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve)
    socket.addEventListener('error', reject)
  })
  return socket
}

describe('a WebSocket', { timeout: 20_000 }, () => {
  test('carries messages both ways', async () => {
    using there = await echoing()
    await using weir = await start({ routeTo: there.routeTo })
    const socket = await open(weir.port)
    const heard: unknown[] = []
    socket.addEventListener('message', ({ data }) => heard.push(data))
    const sent = ['hello', 'x'.repeat(200_000), '']
    for (const text of sent) socket.send(text)
    await eventually(() => heard.length === sent.length)
    expect(heard).toEqual(sent)
    expect(weir.server.stats()).toMatchObject({ webSockets: 1, underWay: 0 })
    expect(weir.calls).toHaveLength(0)
    socket.close()
  })

  test.each(['bot', 'venue'])('that the %s closes keeps its code, and leaves nothing', async (side) => {
    using there = await echoing()
    await using weir = await start({ routeTo: there.routeTo })
    const socket = await open(weir.port)
    const closed: { code: number; wasClean: boolean }[] = []
    socket.addEventListener('close', ({ code, wasClean }) => closed.push({ code, wasClean }))
    if (side === 'bot') socket.close(4001, 'bye')
    else socket.send('close 4001 bye')
    await eventually(() => closed.length === 1)
    expect(closed).toEqual([{ code: 4001, wasClean: true }])
    await eventually(() => weir.server.stats().connections === 0 && there.sockets.size === 0)
    expect(weir.events.at(-1)).toMatchObject({ type: 'upgrade.closed', host: WS })
  })

  test('arrives at the exchange as it was sent, minus what was for weir and for the hop', async () => {
    using there = await venue((socket) =>
      socket.end(
        'HTTP/1.1 101 Switching Protocols\r\nUPGRADE: websocket\r\nConnection: Upgrade\r\nX-Dup: 1\r\nx-dup: 2\r\nSec-WebSocket-Extensions: permessage-deflate\r\nX-Weir-Call: forged\r\nX-Latin: caf\xe9\r\n\r\nframes',
        'latin1',
      ),
    )
    await using weir = await start({ routeTo: there.routeTo })
    using bot = await secureTunnel(weir.port, WS)
    const heard = await bot.say(HANDSHAKE).over()
    expect(there.heads).toEqual([
      [
        '/v2?x=//y',
        'Host',
        WS,
        'X-Case',
        '1',
        'X-Case',
        '2',
        'Sec-WebSocket-Version',
        '13',
        'Sec-WebSocket-Key',
        'dGhlIHNhbXBsZSBub25jZQ==',
        'Sec-WebSocket-Extensions',
        'permessage-deflate; client_max_window_bits',
        'connection',
        'Upgrade',
        'upgrade',
        'websocket',
      ],
    ])
    expect(heard).toBe(
      'HTTP/1.1 101 Switching Protocols\r\nUPGRADE: websocket\r\nConnection: Upgrade\r\nX-Dup: 1\r\nX-Dup: 2\r\nSec-WebSocket-Extensions: permessage-deflate\r\nX-Latin: caf\xe9\r\nX-Weir-Call: c1\r\nX-Weir-Decision: forwarded\r\nX-Weir-Wait-Ms: 0\r\nX-Weir-Cost: 0\r\nX-Weir-Sent: yes\r\n\r\nframes',
    )
  })

  test('frames sent together with the request are not lost', async () => {
    using there = await venue((socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n')
      socket.pipe(socket)
    })
    await using weir = await start({ routeTo: there.routeTo })
    using bot = await secureTunnel(weir.port, WS)
    await bot.say(`${HANDSHAKE}early`).until((heard) => heard.endsWith('\r\n\r\nearly'))
  })

  test.each<[string, (port: number) => Promise<Wire>, string]>([
    ['clear HTTP in a tunnel', (port) => tunnel(port, WS), HANDSHAKE],
    ['absolute form in the clear', dial, HANDSHAKE.replace('/v2', `http://${WS}/v2`)],
    ['a URL in the path', dial, HANDSHAKE.replace('/v2', `/https://${WS}/v2`)],
    ['TLS without CONNECT', async (port) => encrypt(await dial(port), WS), HANDSHAKE],
  ])('goes through as %s', async (_name, open, handshake) => {
    using there = await venue((socket) =>
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhi'),
    )
    await using weir = await start({ routeTo: there.routeTo })
    using bot = await open(weir.port)
    await bot.say(handshake).until((heard) => heard.endsWith('\r\n\r\nhi'))
    expect(there.heads[0]?.slice(0, 3)).toEqual(['/v2?x=//y', 'Host', WS])
  })

  test('waits for a side that reads slowly', async () => {
    let written = 0
    using there = await venue((socket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n')
      const more = (): void => {
        do written += 65_536
        while (socket.write(Buffer.alloc(65_536)) && written < 64 * 1024 * 1024)
      }
      socket.on('drain', more)
      more()
    })
    await using weir = await start({ routeTo: there.routeTo })
    using bot = await secureTunnel(weir.port, WS)
    bot.socket.pause()
    bot.say(HANDSHAKE)
    await eventually(() => there.heads.length === 1)
    let before = -1
    // The flow has stopped once nothing more was written for a while.
    await eventually(() => {
      const still = written === before && written > 0
      before = written
      return still
    })
    expect(written).toBeLessThan(32 * 1024 * 1024)
  })
})

describe('an upgrade that fails', { timeout: 20_000 }, () => {
  test.each([
    [
      'with a length',
      'HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\nX-A: 1\r\nX-Weir-Sent: forged\r\n\r\nno',
      'no',
    ],
    [
      'in chunks',
      'HTTP/1.1 401 Unauthorized\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n',
      '2\r\nno\r\n0\r\n\r\n',
    ],
  ])('because the exchange answers otherwise, %s, is relayed', async (_name, said, body) => {
    using there = await venue((socket) => socket.end(said))
    await using weir = await start({ routeTo: there.routeTo })
    using bot = await secureTunnel(weir.port, WS)
    const heard = await bot.say(HANDSHAKE).over()
    expect(heard).toMatch(/^HTTP\/1\.1 401 Unauthorized\r\n/)
    expect(heard.endsWith(`\r\n\r\n${body}`)).toBe(true)
    expect(heard).not.toContain('forged')
    await eventually(() => weir.server.stats().connections === 0 && there.sockets.size === 0)
  })

  // It carried nothing of weir's, though every answer is said to, and its names came in lower case.
  test('because the exchange refuses it keeps spelling, order and bytes, and says that it was sent', async () => {
    const kept = 'X-B: 1\r\nSET-Cookie: a=1\r\nSET-Cookie: b=2\r\nCF-Ray: caf\xe9\r\n'
    using there = await venue((socket) =>
      socket.end(
        `HTTP/1.1 403 N\xe3o\r\n${kept}X-Hop: 1\r\nConnection: close, X-Hop\r\nContent-Length: 2\r\n\r\nno`,
        'latin1',
      ),
    )
    await using weir = await start({ routeTo: there.routeTo })
    using bot = await secureTunnel(weir.port, WS)
    expect(await bot.say(HANDSHAKE).over()).toBe(
      `HTTP/1.1 403 N\xe3o\r\n${kept}content-length: 2\r\nX-Weir-Call: c1\r\nX-Weir-Decision: forwarded\r\nX-Weir-Wait-Ms: 0\r\nX-Weir-Cost: 0\r\nX-Weir-Sent: yes\r\nconnection: close\r\n\r\nno`,
    )
  })

  test('because the exchange can not be reached is a 502', async () => {
    await using weir = await start({ routeTo: () => ({ host: '127.0.0.1', port: 1, chosen: true, ca: undefined }) })
    using bot = await secureTunnel(weir.port, WS)
    expect(await bot.say(HANDSHAKE).over()).toMatch(/^HTTP\/1\.1 502 [\s\S]*X-Weir-Error: upstream_unreachable/)
  })

  test('because its certificate is not trusted is a 502', async () => {
    using there = await venue((socket) =>
      socket.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'),
    )
    await using weir = await start({ routeTo: (host, port) => ({ ...there.routeTo(host, port), ca: undefined }) })
    using bot = await secureTunnel(weir.port, WS)
    expect(await bot.say(HANDSHAKE).over()).toMatch(/^HTTP\/1\.1 502 /)
    expect(there.heads).toEqual([])
  })

  test('because the exchange is silent is a 504, in time', async () => {
    using there = await venue(() => {})
    await using weir = await start({ routeTo: there.routeTo, limits: { upgradeMs: 100 } })
    using bot = await secureTunnel(weir.port, WS)
    expect(await bot.say(HANDSHAKE).over()).toMatch(/^HTTP\/1\.1 504 /)
    await eventually(() => there.sockets.size === 0)
  })

  test.each([
    ['another host', HANDSHAKE.replace(`Host: ${WS}`, `Host: ${KRAKEN}`), 421],
    ['a body', HANDSHAKE.replace('\r\n\r\n', '\r\nContent-Length: 2\r\n\r\n'), 400],
    ['POST', HANDSHAKE.replace('GET', 'POST'), 400],
    ['two Host fields', HANDSHAKE.replace('X-Case: 1', 'Host: x'), 400],
  ])('for %s is refused', async (_name, handshake, status) => {
    await using weir = await start()
    using bot = await secureTunnel(weir.port, WS)
    expect(await bot.say(handshake).over()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
  })

  test('for want of room is refused, until one has gone', async () => {
    using there = await echoing()
    await using weir = await start({ routeTo: there.routeTo, limits: { webSocketsPerHost: 1 } })
    const first = await open(weir.port)
    using second = await secureTunnel(weir.port, WS)
    expect(await second.say(HANDSHAKE).over()).toMatch(/^HTTP\/1\.1 429 /)
    first.close()
    await eventually(() => weir.server.stats().webSockets === 0)
    const third = await open(weir.port)
    third.close()
  })

  // The ancestor of the relay died of the first row: ECONNRESET on a socket that nobody listened to.
  test.each<[string, 'bot' | 'venue', boolean]>([
    ['the bot resets before 101', 'bot', false],
    ['the bot resets after 101', 'bot', true],
    ['the exchange resets before 101', 'venue', false],
    ['the exchange resets after 101', 'venue', true],
  ])('50 times because %s leaves no socket', async (_name, side, after) => {
    const raws: Socket[] = []
    using there = await venue((socket) => {
      if (after) socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n')
    })
    there.server.on('connection', (raw) => raws.push(raw))
    await using weir = await start({ routeTo: there.routeTo })
    const bots = await Promise.all(Array.from({ length: 50 }, () => secureTunnel(weir.port, WS)))
    for (const bot of bots) bot.say(HANDSHAKE)
    await eventually(() => there.heads.length === 50 && (!after || bots.every((bot) => bot.heard.includes('101'))))
    if (side === 'bot') for (const bot of bots) bot.raw.resetAndDestroy()
    else for (const raw of raws) raw.resetAndDestroy()
    await eventually(() => there.sockets.size === 0 && bots.every((bot) => bot.closed || bot.ended))
    await eventually(() => weir.server.stats().connections === 0)
    if (side === 'venue' && !after) for (const bot of bots) expect(bot.heard).toMatch(/^HTTP\/1\.1 502 /)
  })
})
