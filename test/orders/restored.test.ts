// What was learned of orders, over a restart: through a real state file.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type OrderNews, Orders } from '../../src/orders/ages.ts'
import { Database } from '../../src/state/database.ts'
import { FakeClock } from '../support/fake-clock.ts'

let dir: string
let clock: FakeClock
const opened: Database[] = []
const closed = new WeakSet<Database>()

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'weir-orders-'))
  clock = new FakeClock()
})
afterEach(() => {
  for (const database of opened.splice(0)) if (!closed.has(database)) database.close()
  rmSync(dir, { recursive: true, force: true })
})

/** A weir's memory of orders, as its state file has it. */
const start = (time = clock): { orders: Orders; database: Database } => {
  const database = new Database(dir, time)
  opened.push(database)
  const orders = new Orders(
    time,
    () => 300_000,
    (news) => database.saveOrder(news, news.type === 'amended'),
  )
  for (const { news, elapsedMs } of database.orders()) orders.restore(news as OrderNews, elapsedMs)
  return { orders, database }
}
const close = (database: Database): void => {
  database.close()
  closed.add(database)
}
const TXID = 'OQCLML-BW3P3-BUCMWZ'
const NEXT = 'OAAAAA-BW3P3-BUCMWZ'

describe('orders over a restart', () => {
  // After a restart nobody knew any order: a cancel that Kraken charges 0 to 6 for was charged 8 on every pair of the account,
  // and the next order waited although there was room.
  it('are as old as they are, under all their names', () => {
    const first = start()
    first.orders.placed('main', 'XBT/USD', [TXID, 'mine'])
    first.orders.placed('main', 'ETH/USD', [NEXT], 40_000)
    clock.advance(20_000)
    close(first.database)
    clock.advance(5_000)
    const { orders } = start()
    for (const name of [TXID, 'mine']) expect(orders.find('main', name)).toEqual([{ pair: 'XBT/USD', ageMs: 25_000 }])
    expect(orders.find('main', NEXT)).toEqual([{ pair: 'ETH/USD', ageMs: 65_000 }])
    expect(orders.open('main')).toHaveLength(2)
    expect(orders.pairs('main')).toEqual(['XBT/USD', 'ETH/USD'])
  })

  it('are what had become of them: amended, edited, renamed, gone', () => {
    const first = start()
    first.orders.placed('main', 'XRPRL/USD', ['A'])
    first.orders.placed('main', 'XBT/USD', [TXID, 'mine'])
    clock.advance(20_000)
    first.orders.renamed(new Map([['XRPRL/USD', 'XRP/RLUSD']]))
    first.orders.amended('main', TXID, [NEXT])
    close(first.database)
    const second = start()
    expect(second.orders.find('main', 'A')).toEqual([{ pair: 'XRP/RLUSD', ageMs: 20_000 }])
    for (const name of [NEXT, 'mine']) expect(second.orders.find('main', name)).toMatchObject([{ ageMs: 0 }])
    expect(second.orders.isGone('main', TXID)).toBe(true)
    second.orders.gone('main', 'mine')
    close(second.database)
    const third = start()
    expect(third.orders.isGone('main', NEXT)).toBe(true)
    third.orders.allGone('main')
    close(third.database)
    expect(start().orders.open('main')).toEqual([])
  })

  it('are told of by nobody: their names and the names of their accounts stay out of the file', () => {
    const { orders, database } = start()
    orders.placed('1f0c9a8b', 'XBT/USD', [TXID, 'mine'])
    database.flush()
    expect(JSON.stringify([...database.orders()])).not.toMatch(/OQCLML|mine/)
  })

  it('are unknown, and so dear, where a kill came before they were written', () => {
    const killed = start()
    killed.orders.placed('main', 'XBT/USD', [TXID])
    expect(start().orders.find('main', TXID)).toEqual([])
    clock.advance(200)
    expect(start().orders.find('main', TXID)).toHaveLength(1)
  })

  // An order whose amendment is lost would seem older than it is, and its cancel too cheap.
  it('have been amended whenever the kill comes', () => {
    const killed = start()
    killed.orders.placed('main', 'XBT/USD', [TXID])
    clock.advance(400_000)
    killed.orders.amended('main', TXID)
    expect(start().orders.find('main', TXID)).toEqual([{ pair: 'XBT/USD', ageMs: 0 }])
  })

  it('are never older than they are when the date was set back', () => {
    const first = start()
    first.orders.placed('main', 'XBT/USD', ['A'])
    first.database.flush()
    clock.setWall(clock.wall() - 3_600_000)
    first.orders.placed('main', 'XBT/USD', ['B'])
    clock.advance(7_000)
    close(first.database)
    const { orders } = start()
    expect(orders.find('main', 'A')).toMatchObject([{ ageMs: 0 }])
    expect(orders.find('main', 'B')).toMatchObject([{ ageMs: 7_000 }])
  })

  it('are as many as fit: the oldest news make way, also while weir runs', { timeout: 30_000 }, () => {
    const { orders, database } = start()
    for (let index = 0; index < 200_010; index += 1) {
      orders.placed('main', 'XBT/USD', [String(index)])
      if (index % 10_000 === 9_999) database.flush()
    }
    database.flush()
    expect([...database.orders()]).toHaveLength(200_000)
    const later = start().orders
    expect(later.find('main', '9')).toEqual([])
    for (const name of ['10', '200009']) expect(later.find('main', name)).toHaveLength(1)
  })

  it('are kept up to a bound while the file can not be written, the newest', () => {
    const { orders, database } = start()
    for (let index = 0; index < 20_001; index += 1) orders.placed('main', 'XBT/USD', [String(index)])
    database.flush()
    const later = start().orders
    expect(later.find('main', '0')).toEqual([])
    for (const name of ['1', '20000']) expect(later.find('main', name)).toHaveLength(1)
  })
})
