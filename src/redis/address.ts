// Where Redis is, as the operator writes it: one server, the seeds of a cluster, or sentinels. The only place that holds its
// password; everything that is shown of an address goes through `shownOf`.

/** A place to connect to. */
export interface Node {
  readonly host: string
  readonly port: number
}

/** A Redis, in one of its three forms. */
export interface RedisAddress {
  readonly form: 'one' | 'cluster' | 'sentinel'
  readonly nodes: readonly [Node, ...Node[]]
  readonly tls: boolean
  readonly username: string | undefined
  readonly password: string | undefined
  readonly db: number
  /** The name under which sentinels know the master. */
  readonly master: string | undefined
}

/** An address that can not be read; the message says what was expected, and nothing of what was given. */
export class AddressError extends Error {}

const EXPECTED =
  'expected redis://[USER:PASSWORD@]HOST[:PORT][/DB], rediss:// for TLS, several HOST:PORT with commas for a cluster, ' +
  'or redis+sentinel://HOST[:PORT],…/MASTER; in USER and PASSWORD, % is written %25, @ is %40 and / is %2F'

/** Reads `redis://…`, `rediss://…`, `redis+sentinel://…` or `rediss+sentinel://…`. @throws AddressError */
export const parseAddress = (text: string): RedisAddress => {
  const [, scheme, sentinel, login, hosts, path] =
    /^(rediss?)(\+sentinel)?:\/\/(?:([^@/]*)@)?([^/@]+)(?:\/(.*))?$/.exec(text.trim()) ?? []
  const nodes = (hosts ?? '').split(',').map((host) => nodeOf(host, sentinel === undefined ? 6379 : 26379))
  const [first, ...rest] = nodes
  if (scheme === undefined || first === undefined || nodes.includes(undefined)) throw new AddressError(EXPECTED)
  const [username, password] = loginOf(login)
  const [master, db] = sentinel === undefined ? [undefined, path] : splitOnce(path ?? '', '/')
  if (sentinel !== undefined && (master ?? '') === '') throw new AddressError(EXPECTED)
  if (!/^\d*$/.test(db ?? '')) throw new AddressError(EXPECTED)
  return {
    form: sentinel === undefined ? (rest.length > 0 ? 'cluster' : 'one') : 'sentinel',
    nodes: [first, ...rest.filter((node) => node !== undefined)],
    tls: scheme === 'rediss',
    username,
    password,
    db: Number(db ?? 0),
    master,
  }
}

/** The address without what opens it. */
export const shownOf = ({ form, nodes, tls, master }: RedisAddress): string => {
  const scheme = `redis${tls ? 's' : ''}${form === 'sentinel' ? '+sentinel' : ''}`
  return `${scheme}://${nodes.map(({ host, port }) => `${host}:${port}`).join(',')}${master === undefined ? '' : `/${master}`}`
}

const nodeOf = (text: string, port: number): Node | undefined => {
  const [, host, given] = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/.exec(text.trim()) ?? []
  return host === undefined ? undefined : { host: host.replace(/^\[|\]$/g, ''), port: Number(given ?? port) }
}

const loginOf = (login: string | undefined): [string | undefined, string | undefined] => {
  if (login === undefined) return [undefined, undefined]
  const [username, password] = splitOnce(login, ':')
  return [username === '' ? undefined : decoded(username ?? ''), password && decoded(password)]
}

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new AddressError('a % in USER or PASSWORD must be written %25')
  }
}

const splitOnce = (text: string, mark: string): [string | undefined, string | undefined] => {
  const at = text.indexOf(mark)
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
}
