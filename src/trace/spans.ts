// A call as spans, in the JSON of OTLP 1.x (opentelemetry.io/docs/specs/otlp, "JSON Protobuf Encoding"): one for the call, and
// below it one for the wait and one for the exchange. Nothing of a bot is in them but its method, host and name.

import type { Call } from '../core/call.ts'
import type { CallFinished } from '../core/events.ts'
import { field } from '../core/headers.ts'
import type { Millis } from '../core/units.ts'
import type { RandomHex } from './random-hex.ts'

/** One span, ready for JSON. */
export interface Span {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly kind: number
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: readonly Attribute[]
  readonly status: { readonly code: number }
}

type Attribute = {
  readonly key: string
  readonly value: { readonly stringValue: string } | { readonly intValue: string } | { readonly doubleValue: number }
}

const INTERNAL = 1
const SERVER = 2
const CLIENT = 3
const FAILED = 2

/**
 * The spans of a finished call; none when the bot's own trace says that it is not sampled. When it waited is reckoned from how
 * long it waited and how long the exchange took: weir's own share is a fraction of a millisecond.
 */
export const spansOf = ({ call, status, tookMs }: CallFinished, wallMs: Millis, random: RandomHex): readonly Span[] => {
  const parent = parentOf(call)
  if (parent?.sampled === false) return []
  const { record } = call
  const traceId = parent?.traceId ?? random(16)
  const spanId = random(8)
  const startMs = wallMs - tookMs
  const frame = { traceId, attributes: [], status: { code: 0 } }
  const child = (name: string, kind: number, fromMs: Millis, lastsMs: Millis): Span => ({
    ...frame,
    ...{ spanId: random(8), parentSpanId: spanId, name, kind },
    ...{ startTimeUnixNano: nanos(fromMs), endTimeUnixNano: nanos(fromMs + lastsMs) },
  })
  const { waitedMs, upstreamMs, decision } = record
  const failed = decision === 'failed' || decision === undefined || status >= 500
  const spans: Span[] = [
    {
      ...frame,
      ...{ spanId, name: record.class ?? call.request.host, kind: SERVER },
      ...(parent === undefined ? {} : { parentSpanId: parent.spanId }),
      ...{ startTimeUnixNano: nanos(startMs), endTimeUnixNano: nanos(wallMs) },
      attributes: attributesOf(call, status),
      status: { code: failed ? FAILED : 0 },
    },
  ]
  if (waitedMs > 0) spans.push(child('wait', INTERNAL, startMs, waitedMs))
  if (upstreamMs !== undefined && decision !== 'cached' && decision !== 'coalesced') {
    spans.push(child('exchange', CLIENT, startMs + waitedMs, upstreamMs))
  }
  return spans
}

const attributesOf = ({ bot, request, record }: Call, status: number): readonly Attribute[] => [
  text('http.request.method', request.method),
  text('server.address', request.host),
  { key: 'http.response.status_code', value: { intValue: String(status) } },
  text('weir.bot', bot),
  text('weir.decision', record.decision ?? 'lost'),
  ...(record.class === undefined ? [] : [text('weir.class', record.class)]),
  ...(record.credential === undefined ? [] : [text('weir.credential', record.credential)]),
  ...(record.cost > 0 ? [{ key: 'weir.cost', value: { doubleValue: record.cost } }] : []),
  ...(record.verdict === undefined ? [] : [text('weir.verdict', record.verdict.reason)]),
  ...(record.error === undefined ? [] : [text('error.type', record.error)]),
]

const text = (key: string, value: string): Attribute => ({ key, value: { stringValue: value } })

const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/

/** The bot's own span, when it says so (W3C Trace Context, `traceparent`). */
const parentOf = ({ request }: Call): { traceId: string; spanId: string; sampled: boolean } | undefined => {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(field(request.headers, 'traceparent')?.trim() ?? '') ?? []
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 }
}

/** Whole microseconds: what a double can hold of today's date. */
const nanos = (wallMs: Millis): string => `${Math.round(wallMs * 1000)}000`
