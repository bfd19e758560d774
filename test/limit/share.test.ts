import { describe, expect, it } from 'vitest'
import { Share } from '../../src/limit/share.ts'

const MINUTE = 60_000

describe('the trusted share of a rate', () => {
  it('is all of it until a refusal that nothing explains, and never less than 30 %', () => {
    const share = new Share()
    expect(share.at(1e9)).toBe(1)
    const after = Array.from({ length: 8 }, () => {
      share.shrink(0, 0)
      return Math.round(share.at(0) * 100)
    })
    expect(after).toEqual([80, 64, 51, 41, 33, 30, 30, 30])
  })

  it('comes back by a tenth per clean minute, and never beyond the documented rate', () => {
    const share = Share.of(0.3, 0)
    expect(share.at(MINUTE)).toBeCloseTo(0.4)
    expect(share.at(7 * MINUTE)).toBeCloseTo(1)
    expect(share.at(100 * MINUTE)).toBe(1)
  })

  it('stands still while the bucket is closed', () => {
    const share = new Share()
    share.shrink(0, 5 * MINUTE)
    expect(share.at(5 * MINUTE)).toBe(0.8)
    expect(share.at(6 * MINUTE)).toBeCloseTo(0.9)
    expect(share.between(4 * MINUTE, 6 * MINUTE)).toBeCloseTo((0.8 + 0.85) / 2)
    expect(share.between(0, 5 * MINUTE)).toBeCloseTo(0.8)
  })

  it('averages over a time as its growth does, also beyond the end of it', () => {
    const share = Share.of(0.5, 0)
    expect(share.between(0, 2 * MINUTE)).toBeCloseTo(0.6)
    // Five minutes from 0.5 to 1, and five at 1.
    expect(share.between(0, 10 * MINUTE)).toBeCloseTo((5 * 0.75 + 5) / 10)
    expect(share.between(MINUTE, MINUTE)).toBeCloseTo(0.6)
    expect(share.between(20 * MINUTE, 30 * MINUTE)).toBe(1)
  })

  it('believes no nonsense from an earlier process', () => {
    expect(Share.of(0, 0).at(0)).toBe(0.3)
    expect(Share.of(7, 0).at(0)).toBe(1)
  })
})
