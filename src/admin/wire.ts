// Views on their way to JSON and back: `openForMs` here is `open_for_ms` there, as in limits.yaml and in the log.

/** The same value with its keys in snake_case and no more than three decimals. Keys without capitals (hosts) stay as they are. */
export const toWire = (value: unknown): unknown =>
  renamed(value, (key) => key.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`))

/** What `toWire` was given. Trusts the sender to be weir. */
export const fromWire = <View>(value: unknown): View =>
  renamed(value, (key) => key.replace(/_([a-z])/g, (_, c: string) => c.toUpperCase())) as View

const renamed = (value: unknown, rename: (key: string) => string): unknown => {
  if (typeof value === 'number') return Math.round(value * 1000) / 1000
  if (Array.isArray(value)) return value.map((item) => renamed(item, rename))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [rename(key), renamed(item, rename)]))
}
