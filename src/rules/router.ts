// Finds what a method and a path belong to: a few Map lookups, no regular expression, nothing built per call.
// Precedence, segment by segment: the literal one before `*` before `**`; then a named method before `*`.
// It does not depend on the order in which routes were added.

import type { Route } from './pattern.ts'

interface Node<T> {
  readonly literal: Map<string, Node<T>>
  star: Node<T> | undefined
  /** What a path that ends here belongs to. */
  end: Entry<T> | undefined
  /** What every path that goes on from here, or ends here, belongs to. */
  rest: Entry<T> | undefined
}

interface Entry<T> {
  readonly value: T
  /** 2: the method is named. 1: any method. 0: the fallback. */
  readonly rank: number
}

interface Table<T> {
  readonly exact: Map<string, T>
  readonly root: Node<T>
}

/** Routes of one host. Build with `add`, then call `router()`. */
export class Routes<T> {
  readonly #routes: { readonly route: Route; readonly entry: Entry<T> }[] = []
  readonly #taken = new Map<string, T>()

  /** @returns what the very same route belongs to already; it is not added then */
  add(route: Route, value: T): T | undefined {
    const key = `${route.method} ${route.segments.join('/')}`
    const taken = this.#taken.get(key)
    if (taken !== undefined) return taken
    this.#taken.set(key, value)
    this.#routes.push({ route, entry: { value, rank: route.method === '*' ? 1 : 2 } })
    return undefined
  }

  /** Everything under these segments that no other route takes. */
  addFallback(segments: readonly string[], value: T): void {
    this.#routes.push({ route: { method: '*', segments: [...segments, '**'] }, entry: { value, rank: 0 } })
  }

  /**
   * Compiles. `odd` answers for paths that the exchange may read differently than they look (dot segments, empty
   * segments, percent-encoding, backslashes): they must not be had cheaper by another spelling. It answers for the
   * rest too, where no fallback does. HEAD is GET (RFC 9110 §9.3.2), and one slash at the end does not count.
   */
  router(odd: T): (method: string, path: string) => T {
    const methods = new Set(this.#routes.map(({ route }) => route.method))
    const tables = new Map([...methods].map((method) => [method, this.#table(method)] as const))
    const get = tables.get('GET')
    if (get !== undefined && !tables.has('HEAD')) tables.set('HEAD', get)
    const any = tables.get('*') ?? this.#table('*')
    return (method, path) => {
      const table = tables.get(method) ?? any
      const exact = table.exact.get(path)
      if (exact !== undefined) return exact
      if (isOdd(path)) return odd
      const end = path.length > 1 && path.endsWith('/') ? path.length - 1 : path.length
      return find(table.root, path, 1, end)?.value ?? odd
    }
  }

  #table(method: string): Table<T> {
    const table: Table<T> = { exact: new Map(), root: emptyNode() }
    for (const { route, entry } of this.#routes) {
      if (route.method !== method && route.method !== '*') continue
      insert(table.root, route.segments, entry)
    }
    for (const { route } of this.#routes) {
      if (route.segments.includes('*') || route.segments.includes('**')) continue
      const path = `/${route.segments.join('/')}`
      const found = find(table.root, path, 1, path.length)
      if (found !== undefined && found.rank > 0) table.exact.set(path, found.value)
    }
    return table
  }
}

const emptyNode = <T>(): Node<T> => ({ literal: new Map(), star: undefined, end: undefined, rest: undefined })

const insert = <T>(root: Node<T>, segments: readonly string[], entry: Entry<T>): void => {
  let node = root
  for (const segment of segments) {
    if (segment === '**') {
      if (node.rest === undefined || node.rest.rank < entry.rank) node.rest = entry
      return
    }
    if (segment === '*') {
      node.star ??= emptyNode()
      node = node.star
    } else {
      const next = node.literal.get(segment) ?? emptyNode<T>()
      node.literal.set(segment, next)
      node = next
    }
  }
  if (node.end === undefined || node.end.rank < entry.rank) node.end = entry
}

/** @param from where the next segment begins; `end` + 1 when there is none left */
const find = <T>(node: Node<T>, path: string, from: number, end: number): Entry<T> | undefined => {
  if (from > end || end === 1) return node.end ?? node.rest
  const slash = path.indexOf('/', from)
  const to = slash === -1 || slash > end ? end : slash
  const next = node.literal.get(path.slice(from, to))
  const literal = next === undefined ? undefined : find(next, path, to + 1, end)
  if (literal !== undefined) return literal
  const star = node.star === undefined ? undefined : find(node.star, path, to + 1, end)
  return star ?? node.rest
}

const isOdd = (path: string): boolean =>
  path.includes('//') || path.includes('/.') || path.includes('%') || path.includes('\\') || path.includes(';')
