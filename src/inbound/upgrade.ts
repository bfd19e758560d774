// WebSocket upgrades: relayed as they are, frames unread. They spend no budget, so they take no road. The only file that
// knows http-proxy; what its name stands for here (httpxy) was chosen because it leaks nothing when a side vanishes.

import type { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { createProxyServer } from 'http-proxy'
import type { RawHeaders } from '../core/call.ts'
import { WeirError } from '../core/errors.ts'
import { HOP_BY_HOP } from '../core/headers.ts'
import { declineRaw, lastWord } from './decline.ts'
import { type Head, readHead } from './request.ts'
import type { Inbound, Session } from './session.ts'
import { tie } from './tie.ts'

/** Handles the `upgrade` event of the HTTP server: reaches the exchange over verified TLS, then joins the two sockets. */
export const upgrade = (inbound: Inbound, req: IncomingMessage, socket: Duplex, early: Buffer): void => {
  // Node hands over something else than the socket when the request announces a body.
  const session = socket instanceof Socket ? inbound.sessions.get(socket) : undefined
  if (session === undefined || !(socket instanceof Socket)) return void declineRaw(inbound, socket, noBody(), undefined)
  // With an earlier answer outstanding, ours would be taken for it.
  if (session.owed > 0) return void socket.destroy()
  const head = admit(inbound, session, req)
  if (head instanceof WeirError) return void declineRaw(inbound, socket, head, session.host)
  occupy(inbound, session, socket, head.host)
  relay(inbound, req, socket, head, early)
}

const admit = (inbound: Inbound, session: Session, req: IncomingMessage): Head | WeirError => {
  const { deps, limits, loopback } = inbound
  if (inbound.draining) return new WeirError('shutting_down')
  // Node before 24.9 does not ask which upgrades are meant.
  if (req.headers.upgrade?.toLowerCase() !== 'websocket') {
    return new WeirError('bad_request', { status: 501, message: 'The only upgrade is websocket.' })
  }
  if (req.method !== 'GET') return new WeirError('bad_request', { message: 'A WebSocket begins with GET.' })
  if (session.otherName !== undefined) {
    return new WeirError('bad_request', { status: 421, message: 'CONNECT and the TLS handshake name different hosts.' })
  }
  const place = { host: session.host, loopback, hosts: deps.hosts() }
  const head = readHead(req, place, { headerCount: limits.headerCount, name: deps.name })
  if (head instanceof WeirError) return head
  if (head.hasBody) return noBody()
  const open = inbound.webSockets.get(head.host) ?? 0
  if (open < limits.webSocketsPerHost) return head
  return new WeirError('queue_full', { message: 'Too many WebSockets are open to this host.' })
}

const noBody = (): WeirError => new WeirError('bad_request', { message: 'A WebSocket request has no body.' })

/** Holds one of the host's places until the bot's socket is gone. */
const occupy = (inbound: Inbound, session: Session, socket: Socket, host: string): void => {
  const { webSockets, deps } = inbound
  session.stage = 'websocket'
  session.asked = true
  webSockets.set(host, (webSockets.get(host) ?? 0) + 1)
  const bot = session.bot ?? session.address
  deps.note?.({ type: 'upgrade.opened', host, code: undefined, reason: 'opened', bot })
  socket.once('close', () => {
    webSockets.set(host, (webSockets.get(host) ?? 1) - 1)
    deps.note?.({ type: 'upgrade.closed', host, code: undefined, reason: 'closed' })
  })
}

const relay = (inbound: Inbound, req: IncomingMessage, socket: Socket, head: Head, early: Buffer): void => {
  const { deps, limits } = inbound
  const id = deps.nextId()
  const proxy = createProxyServer()
  let giveUp = (): void => {}
  let answered = false
  const settle = (): void => {
    answered = true
    timeout.cancel()
  }
  const fail = (error: WeirError): void => {
    if (answered) return
    settle()
    declineRaw(inbound, socket, error, head.host, id)
    giveUp()
  }
  const timeout = deps.clock.after(limits.upgradeMs, () => fail(new WeirError('upstream_timeout')))
  // As an event, because only that comes before the relay itself ends the socket.
  proxy.on('error', (cause) =>
    fail(cause instanceof WeirError ? cause : new WeirError('upstream_unreachable', { cause })),
  )
  proxy.on('proxyReqWs', (sent) => {
    // The bot may leave, or be refused, before the exchange has answered.
    giveUp = () => void sent.destroy()
    socket.once('close', giveUp)
    // These listeners stand before the relay's own, so what they change is what is written.
    sent.once('response', (res) => {
      settle()
      socket.once('finish', () => lastWord(inbound, socket))
      res.headers = { ...grouped(res.rawHeaders, ofThisHop(res.headers.connection)), ...ownFields(id) }
    })
    sent.once('upgrade', (res, upstream: Socket) => {
      settle()
      socket.off('close', giveUp)
      res.headers = { ...grouped(res.rawHeaders), ...ownFields(id) }
      // As the head was read; the relay would write it as UTF-8.
      socket.setDefaultEncoding('latin1')
      tie(socket, upstream, deps.clock, limits.lingerMs, () => {})
    })
  })
  // Bytes and order of names as the bot sent them; the two fields of this hop are ours, in the spelling the relay looks for.
  req.headers = { ...grouped(head.headers), connection: 'Upgrade', upgrade: 'websocket' }
  req.url = head.target
  const route = deps.routeTo(head.host, 443)
  const options = {
    target: { protocol: 'https:', host: route.host, port: route.port },
    ssl: { servername: head.host, ca: route.ca, ALPNProtocols: ['http/1.1'], lookup: deps.exchangeLookup },
    secure: true,
  }
  proxy.ws(req, socket, options, early).catch(() => socket.destroy())
}

/** What weir says on an answer of the exchange: it costs no budget, and nobody waits for it in weir. */
const ownFields = (id: string): Record<string, string> => ({
  'X-Weir-Call': id,
  'X-Weir-Decision': 'forwarded',
  'X-Weir-Wait-Ms': '0',
  'X-Weir-Cost': '0',
  'X-Weir-Sent': 'yes',
})

/** Fields that the relay takes out or sets anew, and looks for in lower case. */
const ofThisHop = (connection = ''): ReadonlySet<string> =>
  new Set([...HOP_BY_HOP, 'trailer', 'content-length', ...connection.toLowerCase().split(/[ \t]*,[ \t]*/)])

/**
 * Raw fields as an object that writes them again in their first spelling, repeats included, but for those in `lowered`; X-Weir
 * names are weir's alone.
 */
const grouped = (raw: RawHeaders, lowered?: ReadonlySet<string>): Record<string, string | string[]> => {
  const fields = new Map<string, { name: string; values: string[] }>()
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] ?? ''
    const lower = name.toLowerCase()
    if (lower.startsWith('x-weir-')) continue
    const known = fields.get(lower)
    if (known === undefined)
      fields.set(lower, { name: lowered?.has(lower) ? lower : name, values: [raw[at + 1] ?? ''] })
    else known.values.push(raw[at + 1] ?? '')
  }
  const out: Record<string, string | string[]> = {}
  for (const { name, values } of fields.values()) out[name] = values.length === 1 ? (values[0] ?? '') : values
  return out
}
