import { describe, expect, it } from 'vitest'
import { amount, bytes, counted, duration, percent, span } from '../../src/cli/words.ts'

describe('numbers for people', () => {
  it.each([
    [0, '0 ms'],
    [0.2, '1 ms'],
    [999, '999 ms'],
    [1000, '1 s'],
    [4230, '4.2 s'],
    [11_001, '12 s'],
    [300_000, '5 min'],
    [3_600_000, '1 h'],
    [5_400_000, '1.5 h'],
    [259_200_000, '3 d'],
  ])('a duration of %d ms is %s', (ms, text) => expect(duration(ms)).toBe(text))

  it.each([
    [0, '0 ms'],
    [999.2, '1 s'],
    [96_360, '96.4 s'],
    [119_960, '2 min'],
    [190_000, '3 min 10 s'],
    [580_400, '9 min 40 s'],
    [3_599_700, '1 h'],
    [3_900_000, '1 h 5 min'],
    [172_800_000, '2 d'],
    [180_000_000, '2 d 2 h'],
  ])('a span of %d ms, to compare with others, is %s', (ms, text) => expect(span(ms)).toBe(text))

  it('shares are whole per cents, and what is there is never none', () => {
    expect([0, 0.001, 0.384, 1, 3.309].map(percent)).toEqual(['0 %', 'under 1 %', '38 %', '100 %', '331 %'])
  })

  it('tokens have no more digits than matter, bytes the unit that fits, nouns their number', () => {
    expect([amount(3), amount(0.333), amount(-1.5)]).toEqual(['3', '0.33', '-1.5'])
    expect([bytes(812), bytes(1536), bytes(64 * 1024 ** 2)]).toEqual(['812 B', '1.5 KiB', '64 MiB'])
    expect([counted(1, 'call'), counted(2, 'class', 'classes')]).toEqual(['1 call', '2 classes'])
  })
})
