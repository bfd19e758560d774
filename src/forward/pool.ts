// Connections to the exchanges: HTTP/1.1, kept alive, one pool per host, certificates always verified.
// The only file that knows undici.

import type { LookupFunction } from 'node:net'
import { createSecureContext, type SecureContext } from 'node:tls'
import { buildConnector, type Dispatcher, errors, Pool } from 'undici'
import { WeirStops } from '../core/departure.ts'
import type { UpstreamRule } from '../core/host-rules.ts'

/** `--connect-to`: where a host's connections really go, because the operator said so. */
export interface Route {
  readonly host: string
  readonly port: number
}

export interface PoolsOptions {
  /** Extra roots (PEM) beside the public ones. */
  readonly trust: readonly string[] | undefined
  /** The real address of a host; the host itself when there is no override. */
  readonly route: (host: string, port: number) => Route
  /** Finds the addresses of a name; the system's resolver unless given. */
  readonly lookup?: LookupFunction
}

export type { Dispatcher }

/** Sends one request; undici's handler interface. */
export type Dispatch = (options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler) => void

/** Largest header section an exchange may send. */
const MAX_HEADER_BYTES = 32 * 1024
/** Time for one address of a dual-stack host before the next is tried (RFC 8305 §5); Node's 250 ms gives up on slow links. */
const ADDRESS_ATTEMPT_MS = 1000

/** Pools by host, made on demand. */
export class Pools {
  readonly #options: PoolsOptions
  /** Shared: reading the roots takes many milliseconds, and would be done for each connection. */
  readonly #secureContext: SecureContext
  readonly #pools = new Map<string, { readonly pool: Pool; readonly rule: UpstreamRule }>()

  constructor(options: PoolsOptions) {
    this.#options = options
    this.#secureContext = createSecureContext(options.trust === undefined ? {} : { ca: [...options.trust] })
  }

  /** The pool of a host. New timeouts make a new pool; calls on the old one finish there. */
  to(host: string, rule: UpstreamRule): Pool {
    const known = this.#pools.get(host)
    if (known !== undefined && known.rule === rule) return known.pool
    if (known !== undefined && sameNumbers(known.rule, rule)) {
      this.#pools.set(host, { pool: known.pool, rule })
      return known.pool
    }
    void known?.pool.close()
    const pool = this.#open(host, rule)
    this.#pools.set(host, { pool, rule })
    return pool
  }

  /** Closes every connection now; calls under way are told that weir stops. */
  async destroy(): Promise<void> {
    await Promise.all([...this.#pools.values()].map(({ pool }) => pool.destroy(new WeirStops())))
  }

  #open(host: string, rule: UpstreamRule): Pool {
    const { route, lookup } = this.#options
    const connect = buildConnector({
      secureContext: this.#secureContext,
      allowH2: false,
      timeout: rule.connectTimeoutMs,
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: ADDRESS_ATTEMPT_MS,
      ...(lookup === undefined ? {} : { lookup }),
    })
    return new Pool(`https://${host}`, {
      connections: rule.connections,
      pipelining: 1,
      allowH2: false,
      keepAliveTimeout: rule.idleMs,
      // A hint of the exchange may shorten, never stretch, how long a connection idles: past its own limit calls are lost.
      keepAliveMaxTimeout: rule.idleMs,
      headersTimeout: rule.headersTimeoutMs,
      bodyTimeout: rule.bodyTimeoutMs,
      maxHeaderSize: MAX_HEADER_BYTES,
      connect: (options, callback) => {
        const to = route(host, 443)
        const port = String(to.port)
        connect({ ...options, hostname: to.host, host: `${to.host}:${port}`, port, servername: host }, callback)
      },
    })
  }
}

/** What went wrong, in the proxy's own terms. */
export const upstreamTrouble = (error: unknown): 'timeout' | 'unreachable' | 'stopped' => {
  if (error instanceof errors.HeadersTimeoutError || error instanceof errors.BodyTimeoutError) return 'timeout'
  return error instanceof WeirStops || error instanceof errors.ClientDestroyedError ? 'stopped' : 'unreachable'
}

/**
 * True when the connection had served earlier calls: it may have been closed by the exchange while our bytes were on the
 * way, which says nothing about the call itself.
 */
export const diedReused = (error: unknown): boolean =>
  error instanceof errors.SocketError && (error.socket?.bytesRead ?? 0) > 0

const sameNumbers = (a: UpstreamRule, b: UpstreamRule): boolean =>
  a.connectTimeoutMs === b.connectTimeoutMs &&
  a.headersTimeoutMs === b.headersTimeoutMs &&
  a.bodyTimeoutMs === b.bodyTimeoutMs &&
  a.idleMs === b.idleMs &&
  a.connections === b.connections
