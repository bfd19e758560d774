import { describe, expect, it } from 'vitest'
import { Histogram } from '../../src/observe/histogram.ts'

describe('a histogram', () => {
  it('puts a value on a bound into that bound’s bucket, as Prometheus’s `le` demands', () => {
    const histogram = new Histogram([1, 2])
    for (const value of [1, 1.5, 2, 99]) histogram.add(value)
    expect(histogram.cumulative()).toEqual([
      [1, 1],
      [2, 3],
      [Number.POSITIVE_INFINITY, 4],
    ])
    expect([histogram.sum, histogram.count]).toEqual([103.5, 4])
  })

  it('knows the bound below which a share of the values lies', () => {
    const histogram = new Histogram([1, 2, 3])
    expect(histogram.quantile(0.5)).toBeUndefined()
    for (const value of [1, 1, 1, 3]) histogram.add(value)
    expect([histogram.quantile(0.5), histogram.quantile(0.99)]).toEqual([1, 3])
  })
})
