import { expect, it } from 'vitest'
import { inBlocks } from '../../src/trace/random-hex.ts'

it('ids are of the length asked for, no byte is used twice, and the source is asked seldom', () => {
  let asked = 0
  let byte = 0
  const source = (bytes: number) => {
    asked += 1
    return Buffer.from(Array.from({ length: bytes }, () => (byte = (byte + 1) % 251)))
  }
  const random = inBlocks(source)
  let next = 1
  for (let count = 0; count < 1000; count += 1) {
    const bytes = count % 3 === 0 ? 16 : 8
    const id = Buffer.from(random(bytes), 'hex')
    expect(id).toHaveLength(bytes)
    // Bytes count upwards; at the end of a block some may be left out, none comes twice.
    const skipped = ((id[0] ?? 0) - next + 251) % 251
    expect(skipped).toBeLessThan(16)
    next = ((id.at(-1) ?? 0) + 1) % 251
  }
  expect(asked).toBeLessThanOrEqual(3)
})
