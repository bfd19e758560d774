import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { Pairs, pairsOfEach } from '../../src/classify/pair.ts'

const byThumb = new Pairs(() => {})
const normalPair = (name: string | undefined) => byThumb.normal(name)

describe('one pair under its many names', () => {
  it.each([
    ['XBT/USD', ['XBTUSD', 'XXBTZUSD', 'XBT/USD', 'BTC/USD', 'BTCUSD', 'xbtusd', ' XBTUSD ', 'XXBT/ZUSD']],
    ['ETH/XBT', ['ETHXBT', 'XETHXXBT', 'ETH/XBT', 'ETH/BTC', 'ETHBTC']],
    ['ETH/EUR', ['ETHEUR', 'XETHZEUR', 'ETH/EUR']],
    ['XDG/USD', ['DOGEUSD', 'XDGUSD', 'XXDGZUSD', 'DOGE/USD', 'XDG/USD']],
    ['XDG/XBT', ['XDGXBT', 'XXDGXXBT', 'DOGE/BTC', 'DOGEBTC']],
    ['XTZ/USD', ['XTZUSD', 'XTZ/USD']],
    ['ZRX/USD', ['ZRXUSD', 'ZRX/USD']],
    ['SOL/USD', ['SOLUSD', 'SOL/USD']],
  ])('is %s', (pair, names) => {
    expect(names.map((name) => normalPair(name))).toEqual(names.map(() => pair))
  })

  it.each([
    ['XBT/USDT', ['XBTUSDT', 'BTCUSDT', 'BTC/USDT']],
    ['XBT/USDC', ['XBTUSDC', 'BTC/USDC']],
    ['ETH/DAI', ['ETHDAI', 'ETH/DAI']],
    ['SOL/PYUSD', ['SOLPYUSD', 'SOL/PYUSD']],
    ['USDT/USDC', ['USDTUSDC', 'USDT/USDC']],
    ['USDC/USD', ['USDCUSD', 'USDC/USD']],
    ['PYUSD/EUR', ['PYUSDEUR', 'PYUSD/EUR']],
    ['DAI/USDT', ['DAIUSDT', 'DAI/USDT']],
  ])('knows stablecoins on either side: %s', (pair, names) => {
    expect(names.map((name) => normalPair(name))).toEqual(names.map(() => pair))
  })

  // The old ids of Kraken's AssetPairs that do not begin with X: USDTZUSD became USDTZ/USD, a pair of its own, so a bot that
  // read ids from AssetPairs and one that wrote USDT/USD each had the whole engine counter.
  it.each([
    ['USDT/USD', ['USDTZUSD', 'USDTUSD', 'USDT/USD']],
    ['EUR/USD', ['ZEURZUSD', 'EURUSD', 'EUR/USD']],
    ['GBP/USD', ['ZGBPZUSD', 'GBPUSD', 'GBP/USD']],
    ['USD/CAD', ['ZUSDZCAD', 'USDCAD', 'USD/CAD']],
    ['USD/JPY', ['ZUSDZJPY', 'USDJPY', 'USD/JPY']],
  ])('knows the old ids of currencies too: %s', (pair, names) => {
    expect(names.map((name) => normalPair(name))).toEqual(names.map(() => pair))
  })

  it('keeps pairs apart that only look alike', () => {
    const names = ['XBTUSD', 'XBTUSDT', 'XBTUSDC', 'XBTEUR', 'ETHUSD', 'XTZUSD', 'USDTUSD', 'USDCUSD']
    expect(new Set(names.map((name) => normalPair(name))).size).toBe(names.length)
  })

  it('keeps a name that it can not split', () => {
    expect(normalPair('FOOBAR')).toBe('FOOBAR')
    expect(normalPair('USD')).toBe('USD')
  })

  it.each([[undefined], ['']])('is none when none is given: %j', (name) => {
    expect(normalPair(name)).toBeUndefined()
  })

  it('is the same however often it is asked', () => {
    const asset = fc.stringMatching(/^[A-Z0-9]{2,5}$/)
    fc.assert(
      fc.property(asset, asset, fc.constantFrom('', '/'), (base, quote, slash) => {
        const once = normalPair(`${base}${slash}${quote}`)
        expect(normalPair(once)).toBe(once)
      }),
      { numRuns: 2000 },
    )
  })
})

/** Entries of AssetPairs as Kraken shows them, but for what has no names in it. */
const TABLE = {
  XXBTZUSD: { altname: 'XBTUSD', wsname: 'XBT/USD', base: 'XXBT', quote: 'ZUSD' },
  XRPRLUSD: { altname: 'XRPRLUSD', wsname: 'XRP/RLUSD', base: 'XXRP', quote: 'RLUSD' },
  XBTRLUSD: { altname: 'XBTRLUSD', wsname: 'XBT/RLUSD', base: 'XXBT', quote: 'RLUSD' },
  AAPLxUSD: { altname: 'AAPLxUSD', wsname: 'AAPLx/USD', base: 'AAPLx', quote: 'ZUSD' },
  EURQEUR: { altname: 'EURQEUR', base: 'EURQ', quote: 'ZEUR' },
}

describe('the table of the exchange', () => {
  let wondered: number
  let pairs: Pairs

  beforeEach(() => {
    wondered = 0
    pairs = new Pairs(() => {
      wondered += 1
    })
  })

  it.each([
    ['XBT/USD', ['XBTUSD', 'XXBTZUSD', 'XBT/USD', 'BTC/USD', 'BTCUSD', 'xbtusd']],
    ['XRP/RLUSD', ['XRPRLUSD', 'xrprlusd', 'XRP/RLUSD']],
    ['XBT/RLUSD', ['XBTRLUSD', 'BTCRLUSD', 'XBT/RLUSD', 'BTC/RLUSD']],
    ['AAPLX/USD', ['AAPLxUSD', 'AAPLXUSD', 'AAPLx/USD']],
    ['EURQ/EUR', ['EURQEUR', 'EURQ/EUR']],
  ])('makes out every name of %s', (pair, names) => {
    pairs.learn(TABLE, true)
    expect(names.map((name) => pairs.normal(name))).toEqual(names.map(() => pair))
    expect(wondered).toBe(0)
  })

  it('is missed once per name that only it could make out, and not for others', () => {
    for (const name of ['XBTUSD', 'XXBTZUSD', 'BTC/USD', 'FOO/BAR', 'SOLUSDC', 'ETHXBT', 'USDTZUSD']) pairs.normal(name)
    expect([wondered, pairs.puzzled]).toEqual([0, false])
    for (const name of ['XRPRLUSD', 'XRPRLUSD', 'FOOBAR', 'USD']) pairs.normal(name)
    expect([wondered, pairs.puzzled]).toEqual([3, true])
  })

  it('is wanted until a whole one was seen, and again when a new name puzzles', () => {
    expect(pairs.wanting).toBe(true)
    pairs.learn({ XXBTZUSD: TABLE.XXBTZUSD }, false)
    expect(pairs.wanting).toBe(true)
    pairs.learn(TABLE, true)
    expect([pairs.wanting, pairs.puzzled]).toEqual([false, false])
    pairs.normal('NEWCOINUSD')
    expect([pairs.wanting, pairs.puzzled]).toEqual([true, true])
    pairs.learn(TABLE, true)
    expect([pairs.wanting, pairs.puzzled]).toEqual([false, false])
  })

  it('says which pairs had gone by a wrong name', () => {
    expect(pairs.normal('XRPRLUSD')).toBe('XRPRL/USD')
    expect(pairs.normal('XBTUSD')).toBe('XBT/USD')
    expect([...pairs.learn(TABLE, true)]).toEqual([['XRPRL/USD', 'XRP/RLUSD']])
    expect(pairs.normal('XRPRLUSD')).toBe('XRP/RLUSD')
    expect([...pairs.learn(TABLE, true)]).toEqual([])
  })

  it('answers a puzzle with a part of it only for what the part holds', () => {
    pairs.normal('XRPRLUSD')
    pairs.learn({ XXBTZUSD: TABLE.XXBTZUSD }, false)
    expect(pairs.puzzled).toBe(true)
    expect(pairs.learn({ XRPRLUSD: TABLE.XRPRLUSD }, false).size).toBe(1)
  })

  it.each([
    [undefined],
    [null],
    [7],
    [[]],
    [{}],
    [{ a: null, b: { wsname: 7 }, c: { base: 'A' }, d: { wsname: 'AB' } }],
  ])('is not taken from %j', (answer) => {
    pairs.normal('XRPRLUSD')
    expect([...pairs.learn(answer, true)]).toEqual([])
    expect(pairs.puzzled).toBe(true)
  })

  it('is kept for each exchange by itself', () => {
    const missed: string[] = []
    const of = pairsOfEach((exchange) => missed.push(exchange))
    of('kraken').normal('XRPRLUSD')
    of('other').normal('XRPRLUSD')
    of('kraken').learn(TABLE, true)
    expect(missed).toEqual(['kraken', 'other'])
    expect(['kraken', 'other'].map((name) => of(name).normal('XRPRLUSD'))).toEqual(['XRP/RLUSD', 'XRPRL/USD'])
  })
})
