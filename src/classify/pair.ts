// One pair has many names at Kraken: XBTUSD, XXBTZUSD, XBT/USD, BTC/USD. Counters are per pair, so names are made one.

/** Kraken's own tickers for what the rest of the world calls otherwise. */
const RENAMED: Readonly<Record<string, string>> = { BTC: 'XBT', DOGE: 'XDG' }

/** Quote currencies that close a pair name without a slash, longest first. */
const QUOTES = [
  'USDT',
  'USDC',
  'PYUSD',
  'USD',
  'EUR',
  'GBP',
  'CAD',
  'JPY',
  'AUD',
  'CHF',
  'AED',
  'BTC',
  'XBT',
  'ETH',
  'DAI',
]

/** Old names of assets put X before a coin and Z before a currency; Kraken has long stopped giving such names. */
const OLD = '(?:X(?:ETC|ETH|LTC|MLN|REP|XBT|XDG|XLM|XMR|XRP|ZEC)|Z(?:AUD|CAD|EUR|GBP|JPY|USD))'
const OLD_ASSET = new RegExp(`^${OLD}$`)
/** Old ids of pairs are two such names (XXBTZUSD, ZEURZUSD), but for one: USDTZUSD. */
const OLD_ID = new RegExp(`^(${OLD}|USDT)(${OLD})$`)

/**
 * The pair under one name, `XBT/USD`; undefined when none is given. A name that can not be split is kept as it is: two
 * spellings of it would then be counted apart, which only a table from the exchange could mend.
 */
export const normalPair = (name: string | undefined): string | undefined => {
  if (name === undefined || name === '') return undefined
  const known = cache.get(name)
  if (known !== undefined) return known
  const pair = split(name.trim().toUpperCase())
  if (cache.size >= KEPT) cache.clear()
  cache.set(name, pair)
  return pair
}

const KEPT = 4096
const cache = new Map<string, string>()

const split = (name: string): string => {
  const slash = name.indexOf('/')
  if (slash > 0) return joined(name.slice(0, slash), name.slice(slash + 1))
  const old = OLD_ID.exec(name)
  if (old?.[1] !== undefined && old[2] !== undefined) return joined(old[1], old[2])
  const quote = QUOTES.find((candidate) => name.length > candidate.length && name.endsWith(candidate))
  return quote === undefined ? name : joined(name.slice(0, -quote.length), quote)
}

const joined = (base: string, quote: string): string => `${asset(base)}/${asset(quote)}`

const asset = (name: string): string => RENAMED[name] ?? (OLD_ASSET.test(name) ? name.slice(1) : name)
