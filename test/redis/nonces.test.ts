// Two weirs that serve one Kraken key: Kraken refuses a nonce that is not above the last it saw, so no lower one may leave
// after a higher one, at whichever weir they came in; and when a weir dies, the other may go on with its keys soon.

import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startExchange } from '../support/exchange/exchange.ts'
import { shippedLimits, startWeir, type Weir } from '../support/weir.ts'
import { openClient } from '../system/client.ts'
import { krakenPoster } from '../system/sign.ts'
import { verdictOn } from './fleet.ts'
import { startRedis } from './server.ts'

describe('two weirs with one key of Kraken', { timeout: 60_000 }, () => {
  it('let its calls leave in the order of their nonces, and hand the key over when one dies', async () => {
    const redis = await startRedis()
    onTestFinished(() => redis[Symbol.asyncDispose]())
    const exchange = await startExchange({ latencyMs: 10, jitterMs: 20 })
    onTestFinished(() => exchange.close())
    const weirs: Weir[] = []
    for (const _ of [1, 2]) {
      const weir = await startWeir({ exchange, args: ['--redis', redis.url], config: await shippedLimits() })
      onTestFinished(() => weir[Symbol.asyncDispose]())
      await weir.logged(/^limits are shared/)
      weirs.push(weir)
    }
    // One clock for all, as programs that share a key must have.
    const post = krakenPoster(exchange.krakenKey('one'))
    const answers: string[] = []
    let dead = -1
    const quit = new AbortController()
    const bots = weirs.flatMap((weir, index) =>
      Array.from({ length: 2 }, async () => {
        const client = openClient(weir)
        while (!quit.signal.aborted && dead !== index) {
          const call = post('Balance')
          const answer = await client.send(call).catch(() => undefined)
          if (answer === undefined) break
          answers.push(`${index} ${answer.decision} ${String(answer.headers['x-weir-error'] ?? '')}`)
          if (answer.decision !== 'forwarded') await sleep(200)
        }
        client.close()
      }),
    )
    await sleep(6000)
    const beforeDeath = answers.length
    const both = new Set(answers.filter((line) => line.includes('forwarded')).map((line) => line[0]))
    dead = 0
    await weirs[0]?.kill9()
    const diedAt = performance.now()
    const seen = answers.length
    while (!answers.slice(seen).some((line) => line.startsWith('1 forwarded')) && performance.now() - diedAt < 8000) {
      await sleep(20)
    }
    const handedOverMs = performance.now() - diedAt
    quit.abort()
    await Promise.all(bots)
    expect(verdictOn({ exchange })).toEqual({ violations: [], invalidNonces: 0 })
    expect([...both].sort()).toEqual(['0', '1'])
    expect(beforeDeath).toBeGreaterThan(10)
    // A token of a starter key comes in every three seconds.
    expect(handedOverMs).toBeLessThan(2000 + 1000 / 0.33)
  })
})
