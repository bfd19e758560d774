import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MemoryStore } from '../../src/cache/memory.ts'
import { type Entry, sizeOf } from '../../src/cache/store.ts'

const entry = (bytes: number, owner?: string): Entry => ({
  reply: { status: 200, statusText: 'OK', headers: ['Date', 'x'], body: Buffer.alloc(bytes, 1), trailers: undefined },
  storedAt: 0,
  ageOnArrival: 0,
  owner,
})
const SIZE = sizeOf('a', entry(100))

describe('the store in memory', () => {
  it('makes room by what was used longest ago', () => {
    const store = new MemoryStore(3 * SIZE)
    for (const key of ['a', 'b', 'c']) store.put(key, entry(100))
    store.get('a')
    store.put('d', entry(100))
    expect(['a', 'b', 'c', 'd'].filter((key) => store.get(key))).toEqual(['a', 'c', 'd'])
  })

  it('counts key, headers and body', () => {
    expect(sizeOf('key', entry(100)) - sizeOf('', entry(0))).toBe(103)
    const { reply } = entry(0)
    const longer = { ...entry(0), reply: { ...reply, headers: [...reply.headers, 'Server', 'y'] } }
    expect(sizeOf('', longer) - sizeOf('', entry(0))).toBe(7)
  })

  it('does not keep what is larger than itself, nor what it held in its place', () => {
    const store = new MemoryStore(2 * SIZE)
    store.put('a', entry(100))
    expect(store.put('a', entry(10_000))).toBe(false)
    expect(store.get('a')).toBeUndefined()
    expect(store.view()).toEqual({ entries: 0, bytes: 0, maxBytes: 2 * SIZE })
  })

  it('shrinks at once when a reload makes it smaller', () => {
    const store = new MemoryStore(5 * SIZE)
    for (const key of ['a', 'b', 'c']) store.put(key, entry(100))
    store.resize(SIZE)
    expect(store.view()).toMatchObject({ entries: 1, bytes: SIZE })
    expect(store.get('c')).toBeDefined()
  })

  it('purges what belongs to one owner', () => {
    const store = new MemoryStore(10 * SIZE)
    store.put('a', entry(100, 'me'))
    store.put('b', entry(100, 'you'))
    store.put('c', entry(100))
    store.purge('me')
    expect(['a', 'b', 'c'].filter((key) => store.get(key))).toEqual(['b', 'c'])
  })

  it('does not keep a large read buffer alive for the sake of a small body', () => {
    const slab = Buffer.alloc(65_536, 7)
    const small = entry(0)
    const store = new MemoryStore(10_000)
    store.put('a', { ...small, reply: { ...small.reply, body: slab.subarray(100, 200) } })
    const kept = store.get('a')?.reply.body
    expect(kept?.equals(slab.subarray(100, 200))).toBe(true)
    expect(kept?.buffer.byteLength).toBe(100)
  })

  it('never holds more than its bytes, and counts them right (property)', () => {
    const move = fc.record({
      does: fc.constantFrom('put', 'put', 'get', 'delete', 'purge', 'resize'),
      key: fc.integer({ min: 0, max: 20 }),
      bytes: fc.nat(3_000),
    })
    fc.assert(
      fc.property(fc.array(move, { maxLength: 200 }), (moves) => {
        const store = new MemoryStore(10_000)
        for (const { does, key, bytes } of moves) {
          const name = `key-${key}`
          if (does === 'put') store.put(name, entry(bytes, `owner-${key % 3}`))
          if (does === 'get') store.get(name)
          if (does === 'delete') store.delete(name)
          if (does === 'purge') store.purge(`owner-${key % 3}`)
          if (does === 'resize') store.resize(5_000 + bytes)
          const { bytes: held, maxBytes, entries } = store.view()
          expect(held).toBeLessThanOrEqual(maxBytes)
          let sum = 0
          let found = 0
          for (let i = 0; i <= 20; i += 1) {
            const kept = store.get(`key-${i}`)
            if (kept === undefined) continue
            sum += sizeOf(`key-${i}`, kept)
            found += 1
          }
          expect([found, sum]).toEqual([entries, held])
        }
      }),
    )
  })
})
