// The blind tunnel for hosts that are none of weir's business: bytes both ways, never to a private address unless the
// operator named it.

import { connect, isIP, type Socket } from 'node:net'
import { WeirError } from '../core/errors.ts'
import { isPublic, PROHIBITED, prohibited, publicLookup } from './address.ts'
import { declineRaw } from './decline.ts'
import type { Inbound, Session } from './session.ts'
import { tie } from './tie.ts'

/** Connects and relays; answers 200 only once the other side is reached, else the cause. */
export const openTunnel = (inbound: Inbound, session: Session, host: string, port: number, early: Buffer): void => {
  const { deps, limits } = inbound
  const client = session.raw
  session.stage = 'tunnel'
  const route = deps.routeTo(host, port)
  const bare = route.host.startsWith('[') ? route.host.slice(1, -1) : route.host
  const refuse = (error: NodeJS.ErrnoException): void => declineRaw(inbound, client, worded(error), host)
  // A literal address is never looked up, so it is checked here.
  if (!route.chosen && isIP(bare) !== 0 && !isPublic(bare)) return void refuse(prohibited())
  const options = { host: bare, port: route.port, allowHalfOpen: true, noDelay: true, autoSelectFamily: true }
  const server: Socket = connect(route.chosen ? options : { ...options, lookup: publicLookup(deps.lookup) })
  const timeout = deps.clock.after(limits.tunnelConnectMs, () =>
    server.destroy(Object.assign(new Error(), { code: 'ETIMEDOUT' })),
  )
  let connected = false
  const giveUp = (): void => void server.destroy()
  client.on('close', giveUp)
  server.on('error', (error: NodeJS.ErrnoException) => {
    if (!connected) refuse(error)
  })
  server.on('close', () => timeout.cancel())
  server.once('connect', () => {
    connected = true
    timeout.cancel()
    client.off('close', giveUp)
    client.write(ESTABLISHED)
    if (early.length > 0) server.write(early)
    // From here on each side may finish on its own: some protocols say goodbye one way first.
    client.allowHalfOpen = true
    tie(client, server, deps.clock, limits.lingerMs, () => {
      deps.note?.({ type: 'tunnel.closed', host, code: undefined, reason: 'closed' })
    })
    client.pipe(server)
    server.pipe(client)
  })
}

/** The answer that opens a tunnel. */
export const ESTABLISHED = 'HTTP/1.1 200 Connection established\r\n\r\n'

const worded = (error: NodeJS.ErrnoException): WeirError => {
  if (error.code === PROHIBITED) {
    return new WeirError('host_not_allowed', {
      message: 'the address is private, tunnels reach public ones only',
      cause: error,
    })
  }
  if (error.code === 'ETIMEDOUT')
    return new WeirError('upstream_timeout', { message: 'the host does not answer', cause: error })
  return new WeirError('upstream_unreachable', { message: 'the host can not be reached', cause: error })
}
