// The local authority over time: opened at the start, opened anew when a reload adds hosts that it may not speak for.

import type { SecureContext } from 'node:tls'
import type { Clock } from '../core/clock.ts'
import type { Millis } from '../core/units.ts'
import type { Log } from '../observe/log.ts'
import { type OpenedAuthority, openAuthority } from '../tls/authority.ts'
import { Leaves } from '../tls/leaves.ts'

/** An authority that ends sooner than this is worth a warning at every start. */
const ENDS_SOON_MS: Millis = 30 * 24 * 3_600_000

/** Contexts for the hosts of the rules in force. */
export class Certificates {
  readonly #dir: string
  readonly #clock: Clock
  readonly #log: Log
  #authority: OpenedAuthority
  #leaves: Leaves

  private constructor(dir: string, clock: Clock, log: Log, authority: OpenedAuthority) {
    this.#dir = dir
    this.#clock = clock
    this.#log = log
    this.#authority = authority
    this.#leaves = new Leaves(authority, clock.wall)
    this.#announce()
  }

  /** @throws AuthorityError when the files of the authority are unsafe or do not belong together */
  static async open(dir: string, hosts: readonly string[], clock: Clock, log: Log): Promise<Certificates> {
    const authority = await openAuthority({ dir, hosts, now: clock.wall })
    return new Certificates(dir, clock, log, authority)
  }

  /** The root that bots trust, in PEM. */
  get caPem(): string {
    return this.#authority.caPem
  }

  contextFor(host: string): SecureContext | Promise<SecureContext> {
    return this.#leaves.contextFor(host)
  }

  /** The rules name these hosts now. Certificates already in use stay valid. */
  cover(hosts: readonly string[]): void {
    if (hosts.every((host) => this.#authority.hosts.includes(host))) return
    openAuthority({ dir: this.#dir, hosts, now: this.#clock.wall }).then(
      (authority) => {
        this.#authority = authority
        this.#leaves = new Leaves(authority, this.#clock.wall)
        this.#announce()
      },
      (error: unknown) => this.#log.error('the new hosts have no certificates', error),
    )
  }

  #announce(): void {
    if (this.#authority.created) {
      this.#log.warn('a new local CA was made: bots must trust ca.pem', { reason: this.#authority.reason })
    }
    const ends = this.#authority.notAfter
    if (ends.getTime() - this.#clock.wall() < ENDS_SOON_MS) this.#log.warn('the local CA ends soon', { ends })
  }
}
