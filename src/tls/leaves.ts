// Keeps one TLS context per host, so that a handshake costs a look into a Map and sessions resume on the same context.
// Promises: never two issues for one host at once, renewal a day before a leaf ends, bounded memory.

import { createSecureContext, type SecureContext } from 'node:tls'
import type { Millis } from '../core/units.ts'
import type { Authority, Leaf } from './authority.ts'
import { hostName } from './constraints.ts'

interface Held {
  readonly context: SecureContext
  /** Usable from here (a clock may be set back) … */
  readonly fromMs: Millis
  /** … to here: the time to issue the next. */
  readonly renewMs: Millis
}

const RENEW_EARLY_MS = 24 * 3_600_000
/** Room for sub-domains beside the configured hosts; a bot that invents names can not grow the process. */
const SPARE_CONTEXTS = 256

/** The TLS contexts of an authority's hosts. `now`: time since the epoch (`Clock.wall`). */
export class Leaves {
  readonly #authority: Authority
  readonly #now: () => Millis
  readonly #capacity: number
  readonly #held = new Map<string, Held>()
  readonly #issuing = new Map<string, Promise<SecureContext>>()

  constructor(authority: Authority, now: () => Millis) {
    this.#authority = authority
    this.#now = now
    this.#capacity = authority.hosts.length + SPARE_CONTEXTS
  }

  /**
   * The context for a server name: at once when there is one, else a promise for it. The promise rejects with
   * AuthorityError for a name that is not configured; nothing is thrown.
   */
  contextFor(serverName: string): SecureContext | Promise<SecureContext> {
    return this.#fresh(serverName) ?? this.#look(serverName)
  }

  #fresh(host: string): SecureContext | undefined {
    const held = this.#held.get(host)
    if (held === undefined) return undefined
    const now = this.#now()
    if (now < held.fromMs || now >= held.renewMs) return undefined
    // Young again in the order of the Map, which is the order of eviction.
    this.#held.delete(host)
    this.#held.set(host, held)
    return held.context
  }

  /** Off the hot path: another spelling of a known name, a first handshake, or a renewal. */
  async #look(serverName: string): Promise<SecureContext> {
    const host = hostName(serverName)
    const known = this.#fresh(host) ?? this.#issuing.get(host)
    if (known !== undefined) return known
    const issuing = this.#issue(host).finally(() => this.#issuing.delete(host))
    this.#issuing.set(host, issuing)
    return issuing
  }

  async #issue(host: string): Promise<SecureContext> {
    const leaf = await this.#authority.leafFor(host)
    const context = createSecureContext({ cert: leaf.chain, key: leaf.key })
    this.#held.delete(host)
    this.#held.set(host, { context, fromMs: leaf.notBefore.getTime(), renewMs: this.#renewMs(leaf) })
    const [oldest] = this.#held.keys()
    if (this.#held.size > this.#capacity && oldest !== undefined) this.#held.delete(oldest)
    return context
  }

  /** A leaf that ends with the authority has no successor: it serves to its last second. */
  #renewMs({ notAfter }: Leaf): Millis {
    const isLast = notAfter >= this.#authority.notAfter
    return notAfter.getTime() - (isLast ? 0 : RENEW_EARLY_MS)
  }
}
