// Two weirs that serve one Kraken key: Kraken refuses a nonce that is not above the last it saw, so no lower one may leave
// after a higher one, at whichever weir they came in; and when a weir dies, the other may go on with its keys soon.

import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { krakenPoster } from '../system/sign.ts'
import { verdictOn } from './fleet.ts'
import { type Member, openPair, soon } from './pair.ts'
import type { RedisServer } from './server.ts'

const PATIENCE_MS = 20_000
/** A weir that is not heard of for a second has died. */
const HANDED_OVER_MS = 15_000

/** Whose turn it is, as Redis knows it; empty when it is nobody's. */
const ownerOf = (redis: RedisServer): string => {
  const key = redis.cli('--scan', '--pattern', 'rl:{kraken}turn:*')
  return key === '' ? '' : redis.cli('HGET', key, 'owner')
}

describe('two weirs with one key of Kraken', { timeout: 120_000 }, () => {
  it('let its calls leave in the order of their nonces', async () => {
    const { exchange, one, other } = await openPair({ exchange: { latencyMs: 10, jitterMs: 20 } })
    // One clock for all, as programs that share a key must have.
    const post = krakenPoster(exchange.krakenKey('one'))
    const forwarded = new Map<Member, number>()
    const quit = new AbortController()
    const bots = [one, one, other, other].map(async (member) => {
      while (!quit.signal.aborted) {
        const { decision } = await member.bot.send(post('Balance'))
        if (decision === 'forwarded') forwarded.set(member, (forwarded.get(member) ?? 0) + 1)
        else await sleep(200)
      }
    })
    onTestFinished(async () => {
      quit.abort()
      await Promise.all(bots)
    })
    await soon(() => {
      const counts = [one, other].map((member) => forwarded.get(member) ?? 0)
      return (Math.min(...counts) >= 3 && counts.reduce((sum, count) => sum + count, 0) > 12) || undefined
    }, PATIENCE_MS)
    expect(verdictOn({ exchange })).toEqual({ violations: [], invalidNonces: 0 })
  })

  it('hand the key over when the one dies whose turn it is', async () => {
    const { exchange, redis, one, other } = await openPair({ exchange: { latencyMs: 10 } })
    const post = krakenPoster(exchange.krakenKey('one'))
    let isOver = false
    const forwarded = async ({ bot }: Member): Promise<void> => {
      while (!isOver && (await bot.send(post('Balance'))).decision !== 'forwarded') await sleep(50)
    }
    for (const member of [one, other]) await forwarded(member)
    const before = exchange.calls.length
    exchange.fault({ kind: 'delay', ms: 60_000, path: /Balance/, times: 1 })
    const cutOff = forwarded(one).catch(() => {})
    const owner = await soon(() => (exchange.calls.length > before && ownerOf(redis)) || undefined, PATIENCE_MS)

    // As long as it lives it keeps its turn, and the other waits.
    const handedOver = forwarded(other)
    await sleep(300)
    expect(ownerOf(redis)).toBe(owner)
    expect(exchange.calls).toHaveLength(before + 1)

    await one.weir.kill9()
    const diedAt = performance.now()
    await Promise.race([handedOver, sleep(PATIENCE_MS)])
    const tookMs = performance.now() - diedAt
    isOver = true
    await Promise.all([handedOver, cutOff])
    expect(tookMs).toBeLessThan(HANDED_OVER_MS)
    expect(ownerOf(redis)).not.toBe(owner)
    expect(verdictOn({ exchange })).toEqual({ violations: [], invalidNonces: 0 })
  })
})
