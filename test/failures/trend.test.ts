import { describe, expect, it } from 'vitest'
import { trendOf } from '../../src/failures/trend.ts'

describe('the trend', () => {
  it.each([
    [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 'increasing'],
    [[0, 0, 0, 0, 0, 0, 1, 4, 9, 20], 'increasing'],
    [[20, 9, 4, 1, 0, 0, 0, 0, 0, 0], 'decreasing'],
    [[5, 5, 5, 5, 5, 5, 5, 5, 5, 5], 'stable'],
    [[0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 'stable'],
    [[3, 1, 4, 1, 5, 9, 2, 6, 5, 3], 'stable'],
    [[0, 0, 0, 0, 100, 0, 0, 0, 0, 0], 'stable'],
  ] as const)('of %j is %s', (counts, trend) => {
    expect(trendOf(counts)).toBe(trend)
  })
})
