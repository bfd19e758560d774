import { beforeEach, describe, expect, it } from 'vitest'
import { Turns } from '../../src/limit/shared/turns.ts'
import type { Turn } from '../../src/limit/store.ts'

const turn = (nonce: number, lane = 'key'): Turn => ({ exchange: 'test', lane, nonce: BigInt(nonce), window: 0n })
const never = (): boolean => false
const written = (nonce: number): string => String(nonce).padStart(20, '0')

let turns: Turns

beforeEach(() => {
  turns = new Turns()
})

const serve = (nonce: number, accepted = true): void => {
  turns.granted(turn(nonce), true)
  turns.ended(turn(nonce), accepted)
}

describe('what the store is to be told of turns', () => {
  // Redis was away for an hour: every call that had ended was kept, and all of them were sent with each question.
  it('is one word for each key, however long the store is away', () => {
    for (let nonce = 1; nonce <= 1000; nonce += 1) serve(nonce)
    for (let lost = 0; lost < 10; lost += 1) turns.unheard(turn(2000, 'other'))
    expect(turns.ends(never)).toEqual([
      { lane: 'key', free: true, nonce: written(1000) },
      { lane: 'other', free: true },
    ])
  })

  it('is the highest nonce that was accepted, whichever call ended last', () => {
    serve(7)
    serve(9, false)
    serve(3)
    expect(turns.ends(never)).toEqual([{ lane: 'key', free: true, nonce: written(7) }])
  })

  it('is whether calls are on the way now', () => {
    serve(1)
    turns.granted(turn(2), true)
    turns.granted(turn(3), true)
    turns.ended(turn(2), true)
    expect(turns.ends(never)).toEqual([{ lane: 'key', free: false, nonce: written(2) }])
  })

  // It gave a key back in a message whose answer was lost, went on with it alone, and another weir had been given the turn.
  it('is not that a key is free with which this weir may go on alone', () => {
    serve(1)
    expect(turns.ends(() => true)).toEqual([{ lane: 'key', free: false, nonce: written(1) }])
    turns.told(turns.ends(() => true))
    expect(turns.ends(never)).toEqual([{ lane: 'key', free: true, nonce: written(1) }])
  })

  // A call that went alone was on its way when the weir was heard again, and the end of the one before gave the key back.
  it('is not that a key is free while a call that went alone is on its way', () => {
    serve(1)
    turns.told(turns.ends(() => true))
    turns.granted(turn(2), true)
    expect(turns.ends(never)).toEqual([{ lane: 'key', free: false, nonce: written(1) }])
    turns.ended(turn(2), true)
    expect(turns.ends(never)).toEqual([{ lane: 'key', free: true, nonce: written(2) }])
  })

  it('is said until it was heard, and what came up meanwhile is said next', () => {
    serve(1)
    const sent = turns.ends(never)
    serve(2)
    serve(3)
    turns.told(sent)
    expect(turns.ends(never)).toEqual([{ lane: 'key', free: true, nonce: written(3) }])
    turns.told(turns.ends(never))
    expect(turns.ends(never)).toEqual([])
  })
})
