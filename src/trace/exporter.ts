// Sends spans to an OpenTelemetry collector, in batches, off the road of calls. A collector that is away costs a bounded heap of
// spans; what does not fit is dropped, and that is told once. Written here, as the packages that do it weigh 27 MB, and take
// 150 ms and 24 MB of memory to load, for one POST of JSON.

import type { Clock, Timer } from '../core/clock.ts'
import type { Observer } from '../core/events.ts'
import { patientFetch } from '../core/patient-fetch.ts'
import type { Millis } from '../core/units.ts'
import type { RandomHex } from './random-hex.ts'
import { type Span, spansOf } from './spans.ts'

const SEND_EVERY_MS: Millis = 2000
const BATCH = 512
const KEPT = 4096
const PATIENCE_MS: Millis = 3000

/** Where to, and as whom. */
export interface Collector {
  /** Takes POST. */
  readonly url: string
  /** Secret. */
  readonly headers: Readonly<Record<string, string>>
  readonly service: string
  readonly version: string
}

/** What the exporter needs. */
export interface ExporterPorts {
  readonly collector: Collector
  readonly clock: Clock
  readonly random: RandomHex
  /** Told of a collector that takes nothing, once until it took something. */
  readonly failed: (message: string) => void
}

/** Gathers and sends. */
export class Exporter {
  readonly #ports: ExporterPorts
  #waiting: Span[] = []
  #timer: Timer | undefined
  #sending: Promise<void> = Promise.resolve()
  #failing = false

  constructor(ports: ExporterPorts) {
    this.#ports = ports
  }

  readonly observer: Observer = (event) => {
    if (event.type !== 'call.finished' || this.#waiting.length >= KEPT) return
    const { clock, random } = this.#ports
    this.#waiting.push(...spansOf(event, clock.wall(), random))
    this.#timer ??= clock.after(SEND_EVERY_MS, () => this.#flush())
  }

  /** Sends what is left, once. */
  async stop(): Promise<void> {
    this.#timer?.cancel()
    this.#flush()
    await this.#sending
    this.#timer?.cancel()
  }

  #flush(): void {
    this.#timer = undefined
    this.#sending = this.#sending.then(() => this.#sendAll())
  }

  async #sendAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, BATCH)
      const trouble = await post(this.#ports, batch)
      if (trouble === undefined || trouble.final) this.#waiting = this.#waiting.slice(batch.length)
      if (trouble === undefined) {
        this.#failing = false
        continue
      }
      if (!this.#failing) this.#ports.failed(`the OpenTelemetry collector takes no spans: ${trouble.message}`)
      this.#failing = true
      // Tried again with the next batch.
      if (!trouble.final) return
    }
  }
}

interface Trouble {
  readonly message: string
  /** Sending the same again would not help. */
  readonly final: boolean
}

const post = async ({ collector, clock }: ExporterPorts, spans: readonly Span[]): Promise<Trouble | undefined> => {
  const headers = { 'Content-Type': 'application/json', ...collector.headers }
  const body = JSON.stringify(envelope(collector, spans))
  const answer = await patientFetch(collector.url, { method: 'POST', headers, body }, clock, PATIENCE_MS)
  if (answer.status === undefined) return { message: answer.trouble, final: false }
  if (answer.status >= 200 && answer.status < 300) return undefined
  const again = answer.status === 429 || answer.status >= 502
  return { message: `it answers ${answer.status}`, final: !again }
}

const envelope = ({ service, version }: Collector, spans: readonly Span[]) => ({
  resourceSpans: [
    {
      resource: {
        attributes: [
          { key: 'service.name', value: { stringValue: service } },
          { key: 'service.version', value: { stringValue: version } },
        ],
      },
      scopeSpans: [{ scope: { name: 'weir', version }, spans }],
    },
  ],
})
