import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { normalPair } from '../../src/classify/pair.ts'

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
