// What a bot is called that gave no name: its address, and the family of its client, so that two programs on one machine are
// two bots. The family is the first product of User-Agent (RFC 9110 §10.1.5) without its version: `python-requests`, `krakenex`.

/** `127.0.0.1/krakenex`, or the address alone when User-Agent says nothing of use. */
export const unnamed = (address: string, userAgent: string | undefined): string => {
  if (userAgent === undefined) return address
  let family = families.get(userAgent)
  if (family === undefined) {
    family = familyOf(userAgent)
    if (families.size >= AGENTS_KEPT) families.clear()
    families.set(userAgent, family)
  }
  return family === '' ? address : `${address}/${family}`
}

/** Texts of User-Agent remembered. */
const AGENTS_KEPT = 256
/** A program that made up a name per call would have a turn per call: beyond so many families the address alone counts. */
const MOST_FAMILIES = 64
const LONGEST_FAMILY = 24

const families = new Map<string, string>()
const known = new Set<string>()

const familyOf = (userAgent: string): string => {
  const product = /^[^\s/(]*/.exec(userAgent.trim())?.[0] ?? ''
  const family = product
    .toLowerCase()
    .replace(/[^a-z0-9_.-]/g, '')
    .slice(0, LONGEST_FAMILY)
  if (known.size >= MOST_FAMILIES && !known.has(family)) return ''
  known.add(family)
  return family
}
