// Addresses as operators write them: `127.0.0.1:8080`, `[::1]:8080`, `8080`, and curl's HOST:PORT:HOST:PORT. Pure.

/** Where to listen. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** What is meant for one host and port goes to another (curl's `--connect-to`). */
export interface ConnectTo {
  readonly fromHost: string
  readonly fromPort: number
  readonly toHost: string
  readonly toPort: number
}

const HOST = String.raw`(\[[0-9a-fA-F:.]+\]|[^\s:[\]/]+)`
const LISTEN = new RegExp(`^(?:${HOST}:)?(\\d{1,5})$`)
const CONNECT_TO = new RegExp(`^${HOST}:(\\d{1,5}):${HOST}:(\\d{1,5})$`)

/** A port alone means loopback; `*` means every address. Undefined when it is no address. */
export const parseAddress = (text: string): Address | undefined => {
  const [, host = '127.0.0.1', digits = ''] = LISTEN.exec(text) ?? []
  const port = portOf(digits, 0)
  return port === undefined ? undefined : { host: host === '*' ? '::' : bare(host), port }
}

/** Undefined when it is not of the form HOST:PORT:HOST:PORT. */
export const parseConnectTo = (text: string): ConnectTo | undefined => {
  const [, from = '', fromDigits = '', to = '', toDigits = ''] = CONNECT_TO.exec(text) ?? []
  const fromPort = portOf(fromDigits, 1)
  const toPort = portOf(toDigits, 1)
  if (fromPort === undefined || toPort === undefined) return undefined
  return { fromHost: bare(from).toLowerCase().replace(/\.$/, ''), fromPort, toHost: bare(to), toPort }
}

const bare = (host: string): string => host.replace(/^\[|\]$/g, '')

const portOf = (digits: string, least: number): number | undefined => {
  const port = digits === '' ? Number.NaN : Number(digits)
  return port >= least && port <= 65_535 ? port : undefined
}
