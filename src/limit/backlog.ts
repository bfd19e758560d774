// How much may wait: calls per lane, bytes in all. Tells when a lane is nearly full and when it is full.

import { WeirError } from '../core/errors.ts'
import type { Observer } from '../core/events.ts'
import type { Bytes, Millis } from '../core/units.ts'

/** Share of a lane's capacity at which the first alert goes out. */
const NEARLY_FULL = 0.8

interface Line {
  readonly name: string
  readonly waiting: readonly unknown[]
}

/** The bounds that all lanes share. */
export class Backlog {
  readonly #maxBytes: () => Bytes
  readonly #tell: Observer
  #bytes: Bytes = 0

  constructor(maxBytes: () => Bytes, tell: Observer) {
    this.#maxBytes = maxBytes
    this.#tell = tell
  }

  /** Bytes of request bodies that wait. */
  get bytes(): Bytes {
    return this.#bytes
  }

  /** @throws WeirError `queue_full` */
  admit(lane: Line, bytes: Bytes, maxQueue: number, waitMs: Millis): void {
    const waiting = lane.waiting.length
    if (waiting >= maxQueue) {
      throw new WeirError('queue_full', {
        message: `${lane.name}: ${waiting} calls wait already, as many as may`,
        retryAfterMs: waitMs,
      })
    }
    if (this.#bytes + bytes > this.#maxBytes()) {
      throw new WeirError('queue_full', {
        message: 'request bodies that wait fill max_queue_bytes',
        retryAfterMs: waitMs,
      })
    }
    this.#bytes += bytes
    const after = waiting + 1
    if (after === maxQueue || after === Math.ceil(maxQueue * NEARLY_FULL)) {
      this.#tell({ type: 'lane.filled', lane: lane.name, waiting: after, capacity: maxQueue, bytes: this.#bytes })
    }
  }

  /** A call that was admitted waits no more. */
  leave(bytes: Bytes): void {
    this.#bytes -= bytes
  }
}
