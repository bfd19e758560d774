// How endpoints are written in limits.yaml: `GET|POST /a/{b,c}/*/**`. One text stands for one or more routes.
// Paths are compared as they are: case matters, nothing is decoded.

/** One way to an endpoint: a method and a path without braces. */
export interface Route {
  /** `*` for any. */
  readonly method: string
  /** `*` is any one segment; `**`, only at the end, is the rest, or nothing. */
  readonly segments: readonly string[]
}

/** The routes that a pattern stands for, or what is wrong with it. */
export type ParsedPattern =
  | { readonly ok: true; readonly routes: readonly Route[] }
  | { readonly ok: false; readonly message: string }

const PARTS = /^(\*|[A-Z]+(?:\|[A-Z]+)*) +(\/.*)$/s
const SEGMENT = /^[A-Za-z0-9._~!$&'()+,:@-]*$/

/** Reads a pattern. White space inside braces does not count, so a long list may span lines. */
export const parsePattern = (text: string): ParsedPattern => {
  const [, methods, written] = PARTS.exec(text.trim()) ?? []
  if (methods === undefined || written === undefined) {
    return wrong(`expected a method and a path such as "GET /a/{b,c}/*", got "${text}"`)
  }
  const expanded = expand(written.replace(/\s+(?=[^{]*})/g, ''))
  if (expanded === undefined) return wrong('braces must be closed and can not be nested')
  const routes: Route[] = []
  for (const path of expanded) {
    const segments = path.slice(1).split('/')
    const fault = faultIn(segments)
    if (fault !== undefined) return wrong(fault)
    for (const method of methods.split('|')) routes.push({ method, segments: path === '/' ? [] : segments })
  }
  return { ok: true, routes }
}

/** A route as text, for messages. */
export const routeText = ({ method, segments }: Route): string => `${method} /${segments.join('/')}`

const wrong = (message: string): ParsedPattern => ({ ok: false, message })

/** `/a{,/b}` → `/a`, `/a/b`. Undefined when the braces do not match. */
const expand = (path: string): readonly string[] | undefined => {
  const open = path.indexOf('{')
  const close = path.indexOf('}')
  if (open === -1 && close === -1) return [path]
  const inner = path.slice(open + 1, close)
  if (open === -1 || close < open || inner.includes('{')) return undefined
  const rest = expand(path.slice(close + 1))
  return rest && inner.split(',').flatMap((word) => rest.map((tail) => path.slice(0, open) + word + tail))
}

const faultIn = (segments: readonly string[]): string | undefined => {
  for (const [index, segment] of segments.entries()) {
    const last = index === segments.length - 1
    if (segment === '**' && !last) return '"**" is the rest of the path, so it must come last'
    if (segment === '*' || segment === '**') continue
    if (segment.includes('*')) return '"*" stands for a whole segment between two slashes, not for a part of one'
    if (segment === '' && !(last && segments.length === 1)) return 'a path can not have an empty segment'
    if (segment === '.' || segment === '..') return 'a path can not have "." or ".." segments'
    if (!SEGMENT.test(segment)) return `"${segment}" has a character that does not belong in a path pattern`
  }
  return undefined
}
