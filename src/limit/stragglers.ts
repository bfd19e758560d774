// Calls that a dead process left on the way, told from the bucket levels it wrote down: their cost was in flight. A call of
// the same key that goes now could overtake them, and then their nonce would be worthless.
//
// A process that was killed may have had its call taken by the network, and a stalled network delivers late: the newer call
// arrives first, the older one is answered `EAPI:Invalid nonce`, and a few of these in a row lock a key out. So calls of that
// key wait for a while. Not for as long as the cost is held (memory.ts): beyond what calls may usually wait they would be
// refused, which does more harm than one invalid nonce after a stall that long. Cancels do not wait at all: they take risk
// away, and do no worse.

import type { Millis } from '../core/units.ts'
import type { BucketJournal } from './store.ts'

/** Long enough for a stall, and less than the usual `max_wait`. */
const OVERTAKEN_WITHIN_MS: Millis = 5_000

/** How long calls may yet arrive, by exchange and scope (`kraken 1f0c…`: the hash of a key, or the name of an account). */
export const stragglers = (levels: ReturnType<BucketJournal['load']>): ReadonlyMap<string, Millis> => {
  const leftMs = new Map<string, Millis>()
  for (const { key, snapshot, elapsedMs } of levels) {
    const left = OVERTAKEN_WITHIN_MS - elapsedMs
    if (snapshot.inFlight === 0 || left <= 0) continue
    const [, exchange, scope] = /^\{([^}]*)\}[^:]*:([^:]+)/.exec(key) ?? []
    if (exchange === undefined || scope === undefined) continue
    const name = `${exchange} ${scope}`
    leftMs.set(name, Math.max(left, leftMs.get(name) ?? 0))
  }
  return leftMs
}
