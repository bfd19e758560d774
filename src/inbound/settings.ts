// What the inbound side needs from the rest of weir, and its bounds. Types and constants only.

import type { LookupFunction } from 'node:net'
import type { SecureContext } from 'node:tls'
import type { Call, Reply } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import type { ErrorCode, WeirError } from '../core/errors.ts'
import type { Handler } from '../core/stack.ts'
import type { Bytes, Millis } from '../core/units.ts'

/** Everything handed in. Functions are asked anew each time, so that a reload of limits.yaml takes effect at once. */
export interface InboundDeps {
  /** The road of a call. Expected never to reject; a rejection is answered as `internal`. */
  readonly handle: Handler<Call>
  /** Words the failure of a call that has left the road, where its answer could not be relayed, and writes it into the record. */
  readonly failed: (call: Call, error: WeirError) => Reply
  /** Hosts to intercept: lower-case, no trailing dot. */
  readonly hosts: () => { has(host: string): boolean }
  /** What happens to CONNECT for any other host. */
  readonly tunnelPolicy: () => 'allow' | 'deny'
  /** Certificate and key for an intercepted host. The same object per host, so that TLS sessions resume. */
  readonly contextFor: (host: string) => SecureContext | Promise<SecureContext>
  readonly clock: Clock
  /** A new call id. */
  readonly nextId: () => string
  /** Longest request body that is held; a longer one is refused with 413. */
  readonly maxBody: () => Bytes
  /** Where a host is really reached, for tunnels and WebSockets. */
  readonly routeTo: (host: string, port: number) => Route
  /** weir's pseudonym in Cache-Status, Proxy-Status and Via. */
  readonly name: string
  /** Hears what never becomes a call. */
  readonly note?: (event: InboundEvent) => void
  /** Bounds that differ from `INBOUND_LIMITS`. */
  readonly limits?: Partial<InboundLimits>
  /** Name resolution for blind tunnels; the system's unless given. */
  readonly lookup?: LookupFunction
  /** The same for WebSockets to exchanges. */
  readonly exchangeLookup?: LookupFunction
}

/** Where a host is really reached. */
export interface Route {
  readonly host: string
  readonly port: number
  /** True when the operator named this address (`--connect-to`): it may then be private or loopback. */
  readonly chosen: boolean
  /** Roots in PEM in place of Node's own (Node does not add to its own); undefined = Node's. */
  readonly ca: readonly string[] | undefined
}

/** What never became a call, and answers of calls that could not be relayed. Contains no path, header or body. */
export interface InboundEvent {
  /** `handshake.unused`: a TLS connection that ended without a request, as of clients that verify after the handshake. */
  readonly type:
    | 'connection.dropped'
    | 'handshake.failed'
    | 'handshake.unused'
    | 'request.declined'
    | 'answer.lost'
    | 'tunnel.closed'
    | 'upgrade.opened'
    | 'upgrade.closed'
  readonly host: string | undefined
  /** Name of the bot, else its address; undefined where nobody has asked who it is. */
  readonly bot?: string
  /** Code of a refusal; undefined for closings and dropped connections. */
  readonly code: ErrorCode | undefined
  /** A few words from a closed list, or the error code of Node or OpenSSL. */
  readonly reason: string
}

/** Bounds of the inbound side. */
export interface InboundLimits {
  readonly connections: number
  /** Per client address; loopback addresses are exempt, because a whole fleet of bots shares them. */
  readonly connectionsPerAddress: number
  readonly connectHeaderBytes: Bytes
  readonly headerBytes: Bytes
  readonly headerCount: number
  /** Silence after connecting, or after CONNECT. */
  readonly firstByteMs: Millis
  /** For the TLS handshake, and again for each header section. */
  readonly headersMs: Millis
  /** Header section and body together. */
  readonly requestMs: Millis
  /** How often slow requests are looked for. */
  readonly sweepMs: Millis
  /** Longer than the idle time of bots' pools, or we close what they are about to use. */
  readonly idleMs: Millis
  readonly requestsPerConnection: number
  /** Requests of one connection that may be under way together (HTTP/1.1 pipelining). */
  readonly pipelined: number
  /** The same for HTTP/2, where sharing one connection is the rule. */
  readonly streams: number
  /** Streams that a bot may take back in a burst, and again each second: more is an attack (CVE-2023-44487). */
  readonly streamResets: number
  readonly streamResetsPerSecond: number
  readonly webSocketsPerHost: number
  readonly tunnelConnectMs: Millis
  readonly upgradeMs: Millis
  /** How long the other side of a finished tunnel may take to finish too. */
  readonly lingerMs: Millis
  /** How long a connection refused for its bytes may take to read the refusal. */
  readonly lastWordMs: Millis
}

/** Bounds unless told otherwise. */
export const INBOUND_LIMITS: InboundLimits = {
  connections: 2000,
  connectionsPerAddress: 200,
  connectHeaderBytes: 8 * 1024,
  headerBytes: 32 * 1024,
  headerCount: 200,
  firstByteMs: 10_000,
  headersMs: 10_000,
  requestMs: 30_000,
  sweepMs: 2_000,
  idleMs: 300_000,
  requestsPerConnection: 10_000,
  pipelined: 8,
  streams: 100,
  streamResets: 200,
  streamResetsPerSecond: 20,
  webSocketsPerHost: 100,
  tunnelConnectMs: 5_000,
  upgradeMs: 10_000,
  lingerMs: 10_000,
  lastWordMs: 1_000,
}
