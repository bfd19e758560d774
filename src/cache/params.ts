// What is asked, apart from the path: query and body parameters in one canonical text. Two texts are equal only when the
// exchange is asked the same; when in doubt they differ, which costs a hit and never a wrong answer. Pure.

/** Spent by every call, and no part of the question. Nothing can put them into a key. */
const NEVER_KEYED = new Set(['nonce', 'otp', 'signature', 'timestamp'])

/** A question longer than this is not worth keeping. */
const LONGEST_BODY = 16_384

/** Parameters sorted by name; those that share a name keep their order, for servers read them as a list. */
export const sortedQuery = (query: string): string => {
  const normal = normalised(query)
  return normal.includes('&') ? sortedPairs(normal.split('&')).join('&') : normal
}

/**
 * The parameters of a POST read that `allowed` names, or undefined when the body holds any other, or can not be read: an
 * answer must never be found under less than was asked.
 */
export const chosenParams = (
  body: Buffer | undefined,
  contentType: string | undefined,
  allowed: readonly string[],
): string | undefined => {
  if (body === undefined || body.length === 0) return ''
  if (body.length > LONGEST_BODY || contentType === undefined) return undefined
  const type = contentType.toLowerCase()
  if (type.startsWith('application/x-www-form-urlencoded')) return chosenForm(body.toString('latin1'), allowed)
  return type.startsWith('application/json') ? chosenJson(body.toString('utf8'), allowed) : undefined
}

const chosenForm = (form: string, allowed: readonly string[]): string | undefined => {
  const chosen: string[] = []
  for (const pair of normalised(form).split('&')) {
    const name = nameOf(pair)
    if (NEVER_KEYED.has(name)) continue
    if (!allowed.includes(name)) return undefined
    chosen.push(pair)
  }
  return `form:${sortedPairs(chosen).join('&')}`
}

const chosenJson = (text: string, allowed: readonly string[]): string | undefined => {
  const fields = parseObject(text)
  if (fields === undefined) return undefined
  const chosen: [string, unknown][] = []
  for (const [name, value] of fields) {
    if (NEVER_KEYED.has(name)) continue
    if (!allowed.includes(name)) return undefined
    chosen.push([name, value])
  }
  return `json:${JSON.stringify(chosen.sort(byName))}`
}

const parseObject = (text: string): [string, unknown][] | undefined => {
  try {
    const value: unknown = JSON.parse(text, asWritten)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : undefined
  } catch {
    return undefined
  }
}

/** Keeps numbers as their digits: two that differ beyond double precision (ids, nanoseconds) are two questions. */
const asWritten = (_name: string, value: unknown, context?: { source?: string }): unknown => context?.source ?? value

/** `%7e` and `~` are one (RFC 3986 §6.2.2). Whatever else is encoded stays encoded, in upper case. */
const normalised = (text: string): string => {
  if (!text.includes('%')) return text
  return text.replace(/%[0-9a-f]{2}/gi, (code) => {
    const character = String.fromCharCode(Number.parseInt(code.slice(1), 16))
    return /[A-Za-z0-9\-._~]/.test(character) ? character : code.toUpperCase()
  })
}

const sortedPairs = (pairs: readonly string[]): readonly string[] => {
  const named = pairs.map((pair): [string, string] => [nameOf(pair), pair])
  // Most bots ask in the same words every time, and most words are in order.
  if (named.every((pair, i) => i === 0 || byName(named[i - 1] ?? pair, pair) <= 0)) return pairs
  return named.sort(byName).map(([, pair]) => pair)
}

const nameOf = (pair: string): string => {
  const end = pair.indexOf('=')
  return end < 0 ? pair : pair.slice(0, end)
}

/** Sorting is stable, so equals keep their order. */
const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number =>
  a < b ? -1 : a > b ? 1 : 0
