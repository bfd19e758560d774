// Which names the local authority may speak for, as text and as X.509 name constraints.
// A stolen authority key can sign for the configured hosts and their sub-domains, and for nothing else: no other
// domain and no IP address. Pure: text in, bytes or a verdict out.

import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'

/** A mistake that the operator can mend; the message says which file or name, and what to do. */
export class AuthorityError extends Error {
  override readonly name = 'AuthorityError'
}

/** One DNS label: letters, digits, hyphens inside, and the underscore that some private names wear. */
const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/

/**
 * A host name as the authority compares it: lower-case, A-labels (RFC 5890), one trailing dot off.
 * Throws AuthorityError on what is no DNS name: addresses, wildcards, ports, empty labels.
 */
export function hostName(text: string): string {
  const plain = text.endsWith('.') ? text.slice(0, -1) : text
  // domainToASCII quietly drops a path and decodes %41, so it only sees text that could be a name.
  const name = /^[\w.\u0080-\uffff-]+$/.test(plain) ? domainToASCII(plain) : ''
  const labels = name.split('.')
  const isName = name.length <= 253 && labels.every((label) => LABEL.test(label))
  if (!isName || isIP(name) !== 0) throw new AuthorityError(`${JSON.stringify(text)} is not a DNS host name`)
  return name
}

/** The name and every domain above it: the constraints under which it is allowed (RFC 5280 §4.2.1.10). */
export function domainsOf(host: string): readonly string[] {
  const labels = host.split('.')
  return labels.map((_, first) => labels.slice(first).join('.'))
}

/**
 * The value of the NameConstraints extension (RFC 5280 §4.2.1.10): permitted are these hosts with their sub-domains,
 * excluded are all IPv4 and all IPv6 addresses. Written by hand because no issuing library at hand knows the extension.
 */
export function nameConstraints(hosts: readonly string[]): Uint8Array<ArrayBuffer> {
  const permitted = der(CONTEXT_0, ...hosts.map(permittedSubtree))
  const excluded = der(CONTEXT_1, ...[8, 32].map((bytes) => der(SEQUENCE, der(IP_ADDRESS, new Uint8Array(bytes)))))
  return der(SEQUENCE, permitted, excluded)
}

/**
 * True when a certificate that carries `nameConstraints` may stand above a leaf for the host. It looks for the exact
 * bytes which `nameConstraints` writes, so it is meant for the authority's own certificates and for no others.
 */
export function permits(certificate: Uint8Array, host: string): boolean {
  const bytes = Buffer.from(certificate)
  return domainsOf(host).some((domain) => bytes.includes(permittedSubtree(domain)))
}

// DER tags (ITU-T X.690 §8.1.2) as RFC 5280 appendix A.2 uses them, implicit tagging.
const SEQUENCE = 0x30
const CONTEXT_0 = 0xa0
const CONTEXT_1 = 0xa1
const DNS_NAME = 0x82
const IP_ADDRESS = 0x87

function permittedSubtree(domain: string): Uint8Array<ArrayBuffer> {
  return der(SEQUENCE, der(DNS_NAME, Buffer.from(domain, 'ascii')))
}

function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const body = Buffer.concat(parts)
  const size = body.length
  if (size > 0xffff) throw new RangeError(`name constraints of ${size} bytes: too many hosts`)
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff]
  return new Uint8Array([tag, ...length, ...body])
}
