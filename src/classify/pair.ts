// One pair has many names at Kraken: XBTUSD, XXBTZUSD, XBT/USD, BTC/USD. Counters are per pair, so names are made one: by the
// exchange's own table of pairs once it has been seen, by rules of thumb until then.

/** Kraken's own tickers for what the rest of the world calls otherwise. */
const RENAMED: Readonly<Record<string, string>> = { BTC: 'XBT', DOGE: 'XDG' }
const WORLDLY = new Map(Object.entries(RENAMED).map(([world, own]) => [own, world]))

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

/** Before one of these quotes, these names end where they seem to. XRPRLUSD might be XRPRL/USD, and is XRP/RLUSD. */
const SURE = new Set([
  ...QUOTES,
  ...'AAVE ADA ALGO ATOM AVAX BCH DOGE DOT ETC LINK LTC SOL TRX UNI XDG XLM XMR XRP XTZ ZEC ZRX'.split(' '),
])

/** Old names of assets put X before a coin and Z before a currency; Kraken has long stopped giving such names. */
const OLD = '(?:X(?:ETC|ETH|LTC|MLN|REP|XBT|XDG|XLM|XMR|XRP|ZEC)|Z(?:AUD|CAD|EUR|GBP|JPY|USD))'
const OLD_ASSET = new RegExp(`^${OLD}$`)
/** Old ids of pairs are two such names (XXBTZUSD, ZEURZUSD), but for one: USDTZUSD. */
const OLD_ID = new RegExp(`^(${OLD}|USDT)(${OLD})$`)

/** Names remembered; they come from bots, so the memory is bounded. */
const KEPT = 4096

/** The pairs of one exchange. */
export class Pairs {
  readonly #wonder: () => void
  /** What the exchange calls a pair, in capitals, with the one name of that pair. */
  readonly #table = new Map<string, string>()
  /** What bots called a pair, with what they were understood to mean. */
  readonly #met = new Map<string, string>()
  #whole = false
  #puzzled = false

  /** @param wonder hears of a name that only a table of the exchange could make out */
  constructor(wonder: () => void) {
    this.#wonder = wonder
  }

  /** A name was met that neither the table nor a sure rule makes out, and no whole table was seen since. */
  get puzzled(): boolean {
    return this.#puzzled
  }

  /** Whether a table, seen in passing, is worth reading. */
  get wanting(): boolean {
    return this.#puzzled || !this.#whole
  }

  /** The pair under one name, `XBT/USD`; undefined when none is given. A name that can not be split is kept as it is. */
  normal(name: string | undefined): string | undefined {
    if (name === undefined || name === '') return undefined
    const known = this.#met.get(name)
    if (known !== undefined) return known
    const { pair, sure } = this.#understand(name)
    if (this.#met.size >= KEPT) this.#met.clear()
    this.#met.set(name, pair)
    if (!sure) {
      this.#puzzled = true
      this.#wonder()
    }
    return pair
  }

  /**
   * Learns the names in an answer to AssetPairs (docs.kraken.com/api/docs/rest-api/get-tradable-asset-pairs), and says which
   * pairs had gone by a wrong name until now: from what to what. What is not as documented is passed over.
   * @param whole the answer holds all pairs
   */
  learn(result: unknown, whole: boolean): ReadonlyMap<string, string> {
    for (const [id, entry] of Object.entries(isRecord(result) ? result : {})) this.#enter(id, entry)
    if (whole && this.#table.size > 0) {
      this.#whole = true
      this.#puzzled = false
    }
    const wrong = new Map<string, string>()
    for (const [name, before] of this.#met) {
      const { pair } = this.#understand(name)
      if (pair === before) continue
      wrong.set(before, pair)
      this.#met.set(name, pair)
    }
    return wrong
  }

  #understand(name: string): Understood {
    const clean = name.trim().toUpperCase()
    const listed = this.#table.get(clean)
    return listed === undefined ? split(clean) : { pair: listed, sure: true }
  }

  /** `wsname` is the name with a slash; pairs that are not on the WebSocket have none. */
  #enter(id: string, entry: unknown): void {
    if (!isRecord(entry)) return
    const { altname, wsname, base, quote } = entry
    const [first, second] = typeof wsname === 'string' ? wsname.split('/') : [base, quote]
    if (typeof first !== 'string' || typeof second !== 'string') return
    const [coin, money] = [asset(first.toUpperCase()), asset(second.toUpperCase())]
    const names = [id, altname, wsname, ...spellings(coin).flatMap((one) => spellings(money).map((two) => one + two))]
    for (const name of names) if (typeof name === 'string') this.#table.set(name.toUpperCase(), `${coin}/${money}`)
  }
}

/** The pairs of each exchange, by its name. */
export type PairsOf = (exchange: string) => Pairs

/** One table per exchange, made on demand; `wonder` hears for which exchange a table is missed. */
export const pairsOfEach = (wonder: (exchange: string) => void): PairsOf => {
  const all = new Map<string, Pairs>()
  return (exchange) => {
    const pairs = all.get(exchange) ?? new Pairs(() => wonder(exchange))
    all.set(exchange, pairs)
    return pairs
  }
}

/** By rules of thumb alone, for who never sees an answer. */
export const unlistedPairs: PairsOf = pairsOfEach(() => {})

interface Understood {
  readonly pair: string
  /** False when it may be wrong. */
  readonly sure: boolean
}

const split = (name: string): Understood => {
  const slash = name.indexOf('/')
  if (slash > 0) return { pair: joined(name.slice(0, slash), name.slice(slash + 1)), sure: true }
  const old = OLD_ID.exec(name)
  if (old?.[1] !== undefined && old[2] !== undefined) return { pair: joined(old[1], old[2]), sure: true }
  const quote = QUOTES.find((candidate) => name.length > candidate.length && name.endsWith(candidate))
  if (quote === undefined) return { pair: name, sure: false }
  const base = name.slice(0, -quote.length)
  return { pair: joined(base, quote), sure: SURE.has(base) }
}

const joined = (base: string, quote: string): string => `${asset(base)}/${asset(quote)}`

const asset = (name: string): string => RENAMED[name] ?? (OLD_ASSET.test(name) ? name.slice(1) : name)

const spellings = (name: string): readonly string[] => {
  const world = WORLDLY.get(name)
  return world === undefined ? [name] : [name, world]
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
