// Traces, for those who have an OpenTelemetry collector: nothing of it is loaded unless OTEL_EXPORTER_OTLP_ENDPOINT is set.

import { randomBytes } from 'node:crypto'
import { VERSION } from '../cli/version.ts'
import type { Clock } from '../core/clock.ts'
import type { Observer } from '../core/events.ts'
import type { Log } from '../observe/log.ts'
import { StartError } from './start-error.ts'

/** Sends spans until it is stopped. */
export interface Tracing {
  readonly observer: Observer
  stop(): Promise<void>
}

/**
 * Reads OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS and OTEL_SERVICE_NAME, as every OpenTelemetry exporter does.
 * @throws StartError when the endpoint is no address
 */
export const startTracing = async (
  env: Readonly<Record<string, string | undefined>>,
  clock: Clock,
  log: Log,
): Promise<Tracing | undefined> => {
  const endpoint = env.OTEL_EXPORTER_OTLP_ENDPOINT?.trim()
  if (!endpoint) return undefined
  if (!/^https?:$/.test(URL.parse(endpoint)?.protocol ?? ''))
    throw new StartError('OTEL_EXPORTER_OTLP_ENDPOINT is no http or https address')
  const { Exporter } = await import('../trace/exporter.ts')
  const { inBlocks } = await import('../trace/random-hex.ts')
  return new Exporter({
    collector: {
      url: `${endpoint.replace(/\/+$/, '')}/v1/traces`,
      headers: headersFrom(env.OTEL_EXPORTER_OTLP_HEADERS ?? ''),
      service: env.OTEL_SERVICE_NAME?.trim() || 'weir',
      version: VERSION,
    },
    clock,
    random: inBlocks(randomBytes),
    failed: (message) => log.warn(message),
  })
}

/** `key=value,key=value`, percent-encoded (W3C Baggage). What makes no sense is left out: it may be a secret. */
const headersFrom = (list: string): Record<string, string> =>
  Object.fromEntries(
    list.split(',').flatMap((pair) => {
      const [, name, value] = /^\s*([!#$%&'*+.^_`|~\w-]+)\s*=\s*([^\s;]*)/.exec(pair) ?? []
      if (name === undefined || value === undefined) return []
      try {
        return [[name, decodeURIComponent(value)] as const]
      } catch {
        return []
      }
    }),
  )
