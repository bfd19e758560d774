// Asks a service that is no exchange (a webhook, a collector, a status page) and waits so long and no longer. Nothing of the
// answer is read but its status; redirects are not followed, as they could lead a secret elsewhere.

import type { Clock } from './clock.ts'
import { systemCode } from './errors.ts'
import type { Millis } from './units.ts'

/** What came of it. `trouble` is in words without the address and its secrets. */
export type Fetched =
  | { readonly status: number; readonly tookMs: Millis }
  | { readonly status: undefined; readonly trouble: string }

/** Sends one request; never throws. `tookMs` is the time to the head of the answer. */
export const patientFetch = async (
  url: string,
  init: { readonly method?: string; readonly headers: Readonly<Record<string, string>>; readonly body?: string },
  clock: Clock,
  patienceMs: Millis,
): Promise<Fetched> => {
  const patience = new AbortController()
  const late = clock.after(patienceMs, () => patience.abort())
  const startedAt = clock.now()
  try {
    const { body, status } = await fetch(url, { ...init, redirect: 'manual', signal: patience.signal })
    const tookMs = clock.now() - startedAt
    // The answer has been given, however its body ends.
    body?.cancel().catch(() => {})
    return { status, tookMs }
  } catch (error) {
    // The text of an error may quote the address or a header; a code can not.
    const trouble = patience.signal.aborted ? `no answer in ${patienceMs} ms` : (systemCode(error) ?? 'no connection')
    return { status: undefined, trouble }
  } finally {
    late.cancel()
  }
}
