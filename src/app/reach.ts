// How weir reaches the exchanges, tried when somebody asks: a TLS handshake with each host on the way that calls take, and
// where the exchange has a harmless question (its probe), its clock beside ours.

import type { LookupFunction } from 'node:net'
import { connect } from 'node:tls'
import type { ClassifiedCall } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import { field } from '../core/headers.ts'
import type { HostRule, Rules } from '../core/rules.ts'
import type { Handler } from '../core/stack.ts'
import type { Millis } from '../core/units.ts'
import type { ReachView } from '../core/views.ts'
import type { Route } from '../forward/pool.ts'
import { question } from './question.ts'

export interface ReachParts {
  readonly rules: () => Rules
  readonly clock: Clock
  readonly route: (host: string, port: number) => Route
  readonly trust: readonly string[] | undefined
  readonly lookup: LookupFunction
  /** The road for weir's own calls. */
  readonly send: () => Handler<ClassifiedCall>
}

const CONNECT_MS: Millis = 3000
/** Longer than this nobody waits for a page. */
const PROBE_MS: Millis = 4000
/** A question may wait its turn, but not for the sake of a report. */
const TURN_MS: Millis = 1000

/** Tries every host at once; never rejects, and resolves within `PROBE_MS`. */
export const reach = (parts: ReachParts): Promise<readonly ReachView[]> =>
  Promise.all(
    [...parts.rules().hosts.values()].map(async (rule) => {
      const [shaken, skew] = await Promise.all([shake(parts, rule.host), clockOf(parts, rule)])
      return { ...shaken, ...skew }
    }),
  )

type Shaken = Omit<ReachView, 'skewMs' | 'skewErrorMs'>

const shake = ({ route, trust, lookup, clock }: ReachParts, host: string): Promise<Shaken> =>
  new Promise((resolve) => {
    const to = route(host, 443)
    const rerouted = to.host === host && to.port === 443 ? undefined : `${to.host}:${to.port}`
    const nothing = { host, rerouted, local: undefined, remote: undefined, certificateEndsWallMs: undefined }
    const startedAt = clock.now()
    const socket = connect({
      host: to.host,
      port: to.port,
      servername: host,
      lookup,
      ALPNProtocols: ['http/1.1'],
      ...(trust === undefined ? {} : { ca: [...trust] }),
    })
    const fail = (error: string): void => {
      late.cancel()
      socket.destroy()
      resolve({ ...nothing, remote: socket.remoteAddress, tookMs: clock.now() - startedAt, error })
    }
    const late = clock.after(CONNECT_MS, () => fail(`no answer in ${CONNECT_MS / 1000} s`))
    socket.on('error', (error: NodeJS.ErrnoException) => fail(error.message || String(error.code)))
    socket.once('secureConnect', () => {
      late.cancel()
      const ends = Date.parse(socket.getPeerCertificate().valid_to)
      const { localAddress, remoteAddress, remotePort } = socket
      socket.end()
      resolve({
        ...nothing,
        local: localAddress,
        remote: remoteAddress === undefined ? undefined : `${remoteAddress}:${remotePort}`,
        certificateEndsWallMs: Number.isNaN(ends) ? undefined : ends,
        tookMs: clock.now() - startedAt,
        error: undefined,
      })
    })
  })

/** The exchange's clock minus ours. `Date` is cut to the second (RFC 9110 §6.6.1) and made somewhere on the way. */
const clockOf = async (
  { clock, send }: ReachParts,
  rule: HostRule,
): Promise<Pick<ReachView, 'skewMs' | 'skewErrorMs'>> => {
  const { probe } = rule.exchange
  if (probe === undefined || probe.host !== rule.host) return UNKNOWN
  const call = question(rule, probe.target, clock, 'high')
  const late = clock.after(PROBE_MS, () => call.presence.leave())
  const wallMs = clock.wall()
  try {
    const reply = await send()({ ...call, wishes: { ...call.wishes, maxWaitMs: TURN_MS } })
    const tookMs = clock.wall() - wallMs - call.record.waitedMs
    if (!(reply.body instanceof Uint8Array)) reply.body.cancel()
    const stated = Date.parse(field(reply.headers, 'date') ?? '')
    if (Number.isNaN(stated)) return UNKNOWN
    const middle = wallMs + call.record.waitedMs + tookMs / 2
    return { skewMs: Math.round(stated + 500 - middle), skewErrorMs: Math.round(500 + tookMs / 2) }
  } catch {
    // The breaker is open, or the budget spent: calls have it worse than this report.
    return UNKNOWN
  } finally {
    late.cancel()
  }
}

const UNKNOWN = { skewMs: undefined, skewErrorMs: undefined }
