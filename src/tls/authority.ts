// The local certificate authority: decides which names weir may speak for towards bots, and issues leaves for them.
// Made at the first start, constrained to the configured hosts, kept in the state directory; two processes that start
// at once agree on one. The road to review: what is signed (certificates.ts), for which names (constraints.ts), where
// the key lies (authority-files.ts).

import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import type { Millis } from '../core/units.ts'
import {
  type AuthorityPems,
  exclusively,
  publishAuthority,
  readAuthority,
  replaceAuthority,
} from './authority-files.ts'
import type { Validity } from './certificates.ts'
import { AuthorityError, domainsOf, hostName, permits } from './constraints.ts'

/** What a TLS server needs to be one host. */
export interface Leaf {
  readonly host: string
  /** PEM: the leaf, then the intermediate. */
  readonly chain: string
  /** PEM; the same for all leaves of a process, and never on disk. */
  readonly key: string
  readonly notBefore: Date
  readonly notAfter: Date
}

export interface Authority {
  /** The root that clients install. */
  readonly caPem: string
  /** The hosts it was opened for, normalised. */
  readonly hosts: readonly string[]
  /** When the root and the intermediate end. A start after that makes a new authority. */
  readonly notAfter: Date
  /** Issues a leaf for a configured host or a sub-domain of one. Rejects with AuthorityError for any other name. */
  leafFor(host: string): Promise<Leaf>
}

/** `created`: clients must trust `ca.pem`, for the first time or again; `reason` says why, for the operator. */
export type OpenedAuthority = Authority &
  ({ readonly created: false } | { readonly created: true; readonly reason: string })

const DAY_MS = 24 * 3_600_000
/** Bots run on machines whose clocks are behind; a day forgives all but a wrong date. */
const BACKDATE_MS = DAY_MS
const AUTHORITY_LIFE_MS = 3_652 * DAY_MS
/** Below the 47 days that public leaves will be held to in 2029 (CA/Browser Forum ballot SC-081). */
const LEAF_LIFE_MS = 45 * DAY_MS

/**
 * Opens the authority of a state directory, and makes it when there is none, when it has ended, or when it may not
 * speak for all of the hosts. Throws AuthorityError when the files are unsafe or do not belong together, or when a host
 * is no DNS name. `now`: time since the epoch (`Clock.wall`).
 */
export async function openAuthority(options: {
  readonly dir: string
  readonly hosts: readonly string[]
  readonly now: () => Millis
}): Promise<OpenedAuthority> {
  const { dir, now } = options
  const hosts = [...new Set(options.hosts.map(hostName))]
  if (hosts.length === 0) throw new AuthorityError('an authority needs at least one host')
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const kept = exclusively(dir, () => keep(dir, hosts, now()))
  if (kept.pems !== undefined) return { ...authority(kept.pems, hosts, now), created: false }

  const { issueAuthority } = await import('./certificates.ts')
  const fresh = await issueAuthority(hosts, validity(now(), AUTHORITY_LIFE_MS))
  // Asked again under the lock: while ours was in the making, another process may have put its own in place.
  const pems = exclusively(dir, () => keep(dir, hosts, now()).pems ?? adopt(dir, fresh, now()))
  return { ...authority(pems, hosts, now), created: true, reason: kept.reason }
}

type Kept = { readonly pems: AuthorityPems } | { readonly pems?: undefined; readonly reason: string }

function keep(dir: string, hosts: readonly string[], at: Millis): Kept {
  const pems = readAuthority(dir)
  if (pems === undefined) return { reason: `there was none in ${dir}` }
  const reason = whyReplace(pems, hosts, at)
  if (reason !== undefined) return { reason }
  publishAuthority(dir, pems, at)
  return { pems }
}

function adopt(dir: string, fresh: AuthorityPems, at: Millis): AuthorityPems {
  replaceAuthority(dir, readAuthority(dir), fresh)
  publishAuthority(dir, fresh, at)
  return fresh
}

function whyReplace({ root, intermediate }: AuthorityPems, hosts: readonly string[], at: Millis): string | undefined {
  for (const certificate of [new X509Certificate(root), new X509Certificate(intermediate)]) {
    const { validFromDate, validToDate } = certificate
    if (at < validFromDate.getTime()) return `the old one begins on ${validFromDate.toISOString()}`
    if (at >= validToDate.getTime()) return `the old one ended on ${validToDate.toISOString()}`
    const strangers = hosts.filter((host) => !permits(certificate.raw, host))
    if (strangers.length > 0) return `the old one may not speak for ${strangers.join(', ')}`
  }
  return undefined
}

function authority(pems: AuthorityPems, hosts: readonly string[], now: () => Millis): Authority {
  const configured = new Set(hosts)
  const notAfter = new X509Certificate(pems.intermediate).validToDate
  const issuer = { certificate: pems.intermediate, key: createPrivateKey(pems.key) }
  const leafKeys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key = leafKeys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()

  const leafFor = async (text: string): Promise<Leaf> => {
    const host = hostName(text)
    if (!domainsOf(host).some((domain) => configured.has(domain))) {
      throw new AuthorityError(`${host} is not a configured host: no certificate for it`)
    }
    const span = validity(now(), Math.min(LEAF_LIFE_MS, notAfter.getTime() - now()))
    if (span.notAfter.getTime() <= now()) {
      throw new AuthorityError(`the local authority ended on ${notAfter.toISOString()}: restart weir to make a new one`)
    }
    const { issueLeaf } = await import('./certificates.ts')
    const leaf = await issueLeaf({ host, publicKey: leafKeys.publicKey, issuer, validity: span })
    return { host, chain: leaf + pems.intermediate, key, ...span }
  }
  return { caPem: pems.root, hosts, notAfter, leafFor }
}

/** From a day ago until `lifeMs` from now, in whole seconds, as certificates have them. */
function validity(at: Millis, lifeMs: Millis): Validity {
  const seconds = (ms: number) => new Date(Math.floor(ms / 1000) * 1000)
  return { notBefore: seconds(at - BACKDATE_MS), notAfter: seconds(at + lifeMs) }
}
