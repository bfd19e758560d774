// What happens at the door and never becomes a call: details, but for one. A bot that breaks off the handshake does not trust
// the CA, which is the commonest mistake of a new set-up; that is told aloud, once in a while.

import type { Clock } from '../core/clock.ts'
import type { Millis } from '../core/units.ts'
import type { InboundEvent } from '../inbound/settings.ts'
import type { Log } from '../observe/log.ts'

const TELL_AGAIN_AFTER_MS: Millis = 60_000
/** Hosts and reasons are few; should they ever not be, all are told anew. */
const KEPT = 256

/** Writes down what the inbound side notes. */
export const notes = (log: Log, clock: Clock): ((event: InboundEvent) => void) => {
  const told = new Map<string, Millis>()
  return ({ type, host, code, reason }) => {
    const fields = { host, error: code, reason }
    if (type !== 'handshake.failed' || host === undefined) {
      log.debug(type, fields)
      return
    }
    const subject = `${host} ${reason}`
    const last = told.get(subject)
    if (last !== undefined && clock.now() - last < TELL_AGAIN_AFTER_MS) return
    if (told.size >= KEPT) told.clear()
    told.set(subject, clock.now())
    log.warn('a bot broke off the TLS handshake; `weir ca` shows how to make it trust the certificate', fields)
  }
}
