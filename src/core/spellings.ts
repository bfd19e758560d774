// Names of header fields know no case (RFC 9110 §5.1), and every call brings a dozen. Bots and exchanges spell each in one or
// two ways, so the spelling itself is looked up; lower-casing it each time would cost more than the look-up.

/** Spellings kept; what is beyond is worked out each time, for names come from outside. */
const KEPT = 1000

/** Remembers what `find` says of a name in lower case, by the name as spelled. */
export const bySpelling = <Kind>(find: (lower: string) => Kind): ((name: string) => Kind) => {
  const kinds = new Map<string, Kind>()
  return (name) => {
    const known = kinds.get(name)
    if (known !== undefined) return known
    const kind = find(name.toLowerCase())
    if (kinds.size < KEPT) kinds.set(name, kind)
    return kind
  }
}
