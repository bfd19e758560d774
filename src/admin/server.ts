// The admin port's sockets: bounded requests in, answers out. Who may ask is the guard's decision, what they get the
// routes'. Refuses to start where strangers could reach it without a token.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Millis } from '../core/units.ts'
import { type AdminRequest, type Answer, refusal } from './answer.ts'
import type { AdminDeps } from './deps.ts'
import { Events, type Sink } from './events.ts'
import { createGuard, type Guard, isLoopback } from './guard.ts'
import { levelsOf } from './looks.ts'
import { createRoutes } from './routes.ts'

/** Where to listen and whom to trust. */
export interface AdminOptions {
  readonly host: string
  /** 0 for any. */
  readonly port: number
  /** `WEIR_ADMIN_TOKEN`; may be undefined only where nobody but this machine can reach the port. */
  readonly token: string | undefined
  /** Told of bugs in pages, and of a port that takes nobody; nothing of the request is in it. */
  readonly onError: (error: unknown) => void
}

/** A running admin port. */
export interface AdminServer {
  readonly host: string
  /** The port as bound. */
  readonly port: number
  /** Listeners hear what happened last; beyond that nobody's money waits on an admin page. */
  close(): Promise<void>
}

const MAX_BODY_BYTES = 64 * 1024
const MAX_CONNECTIONS = 100
/** A listener that has not taken the last news by then will not. */
const LAST_WORD_MS: Millis = 500
const TIMEOUTS = { headersTimeout: 10_000, requestTimeout: 15_000, keepAliveTimeout: 30_000 }

/** Listens. Throws when the address is not loopback and there is no token, or when it can not be bound. */
export const startAdmin = async (options: AdminOptions, deps: AdminDeps): Promise<AdminServer> => {
  const { host, port, token } = options
  if (!isLoopback(host) && (token === undefined || token === '')) {
    throw new Error(
      `the admin port on ${host} can be reached from outside: set WEIR_ADMIN_TOKEN, or listen on 127.0.0.1`,
    )
  }
  const { onError } = options
  const guard = createGuard(token === '' ? undefined : token)
  const run = String(deps.startedAtWallMs)
  const events = new Events({ ...deps, levels: () => levelsOf(deps), run, onError })
  const routes = createRoutes(deps, events)
  const server = createServer(TIMEOUTS, (request, response) => {
    serve(request, guard, routes)
      .catch((error: unknown) => {
        // A sender that hung up mid-body is no bug.
        if (request.complete) onError(error)
        return refusal(500, 'A bug in weir; the log has the stack.')
      })
      .then((answer) => send(request, response, answer))
      .catch((error: unknown) => {
        onError(error)
        response.destroy()
      })
  })
  server.maxConnections = MAX_CONNECTIONS
  await listening(server, port, host)
  // Without this, a machine that is out of file handles would lose its proxy for want of an admin page.
  server.on('error', onError)
  return {
    host,
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        const late = deps.after(LAST_WORD_MS, () => server.closeAllConnections())
        server.close(() => {
          late.cancel()
          resolve()
        })
        events.end()
      }),
  }
}

const listening = (server: Server, port: number, host: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })

const serve = async (
  request: IncomingMessage,
  guard: Guard,
  routes: (request: AdminRequest) => Promise<Answer>,
): Promise<Answer> => {
  const { method = '', url = '', headers } = request
  const [path = '', query = ''] = url.split('?', 2)
  const denial = guard({ method, path, headers })
  if (denial !== undefined) return refusal(denial.status, denial.message)
  const body = await readBody(request)
  if (body === undefined) return refusal(413, `A body here has ${MAX_BODY_BYTES} bytes at most.`)
  const accept = headers.accept ?? ''
  const wantsText = accept.includes('text/plain') || (path === '/' && !accept.includes('text/html'))
  return routes({ method, path, query: new URLSearchParams(query), wantsText, body, headers })
}

/** Undefined when there is more than may be. */
const readBody = async (request: IncomingMessage): Promise<string | undefined> => {
  const chunks: Buffer[] = []
  let size = 0
  // The iterator's usual farewell destroys the connection, and the 413 with it.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_BODY_BYTES) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

const send = (request: IncomingMessage, response: ServerResponse, answer: Answer): void => {
  if (response.destroyed) return
  const { stream } = answer
  response.writeHead(answer.status, {
    'Content-Type': answer.type,
    ...(stream === undefined && answer.status !== 304 ? { 'Content-Length': Buffer.byteLength(answer.body) } : {}),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
    ...answer.headers,
    ...(answer.status === 401 ? { 'WWW-Authenticate': 'Basic realm="weir", charset="UTF-8"' } : {}),
    // What is left of a body that was too long is not read: the connection can not be used again.
    ...(request.complete ? {} : { Connection: 'close' }),
  })
  if (stream === undefined) response.end(request.method === 'HEAD' ? undefined : answer.body)
  else stream(sinkOf(response))
}

const sinkOf = (response: ServerResponse): Sink => ({
  write: (text) => {
    // To one that has gone, and of whose end nobody has heard yet, a write would be an error without a listener.
    if (!response.destroyed) response.write(text)
  },
  end: () => void response.end(),
  get unread() {
    return response.writableLength
  },
  drop: () => response.destroy(),
  onClosed: (task) => response.once('close', task),
})
