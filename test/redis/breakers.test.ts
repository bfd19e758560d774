// What one weir hears from the exchange, all of its fleet go by: real weirs, a real Redis, a simulated exchange.

import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { BreakerNews } from '../../src/breaker/news.ts'
import { SharedBreakers } from '../../src/breaker/shared.ts'
import { realClock } from '../../src/core/clock.ts'
import { parseAddress } from '../../src/redis/address.ts'
import { connect } from '../../src/redis/connection.ts'
import { tooManyRequests } from '../support/exchange/faults.ts'
import { shippedLimits } from '../support/weir.ts'
import { type Member, openPair, page, soon } from './pair.ts'
import { patientClock } from './rig.ts'
import { startRedis } from './server.ts'

const HOST = 'api.kraken.com'
const TIME = { path: '/0/public/Time' }
const FOREVER = Number.POSITIVE_INFINITY

interface Seen {
  readonly host: string
  readonly state: string
  readonly reason: string
  readonly open_for_ms: number
  readonly history: readonly { readonly to: string; readonly at_wall_ms: number }[]
}

const breaker = async (member: Member): Promise<Seen | undefined> =>
  (await page<{ breakers: Seen[] }>(member, '/v1/breakers')).breakers.find(({ host }) => host === HOST)

/** Without a share of the limits a weir sends nothing once Redis is away. */
const hasShare = async (member: Member): Promise<true | undefined> => {
  const { store } = await page<{ store: { exchanges: { exchange: string; share: number }[] } }>(member, '/v1/status')
  return store.exchanges.some(({ exchange, share }) => exchange === 'kraken' && share > 0) || undefined
}

const inState = (member: Member, state: string, patienceMs?: number): Promise<Seen> =>
  soon(async () => {
    const seen = await breaker(member)
    return seen?.state === state ? seen : undefined
  }, patienceMs)

describe('a fleet', { timeout: 120_000 }, () => {
  it('is shut by a 429 at one weir, probed by one, and open again at once', async () => {
    const { exchange, redis, one, other } = await openPair({
      config: await shippedLimits({ ' open: 1s': ' open: 5s' }),
    })
    await other.bot.send(TIME)
    exchange.fault({ ...tooManyRequests({ retryAfter: 5 }), times: FOREVER })
    await one.bot.send(TIME)
    const opened = await inState(other, 'open', 1_000)
    expect(opened.reason).toBe('http 429 (seen by another weir)')
    expect(opened.open_for_ms).toBeGreaterThan(1_000)
    const asked = exchange.calls.length
    expect(await other.bot.send({ path: '/0/public/SystemStatus' })).toMatchObject({ decision: 'refused', status: 503 })
    expect(exchange.calls).toHaveLength(asked)
    expect(redis.cli('HMGET', `breaker:{kraken}${HOST}`, 'state', 'reason').split('\n')).toEqual(['open', 'http 429'])
    expect(Number(redis.cli('HGET', `breaker:{kraken}${HOST}`, 'until'))).toBeGreaterThan(Date.now())

    // The exchange is well, but slow to say so: while one weir's probe is on its way, no other is sent.
    exchange.clearFaults()
    exchange.fault({ kind: 'delay', ms: 1_500, times: FOREVER })
    for (const member of [one, other]) await inState(member, 'half_open', 15_000)
    const before = exchange.calls.length
    // Each asks for something else: no answer is shared.
    const answers = Promise.all(
      [one, other, one, other].map(({ bot }, index) => bot.send({ path: `/0/public/Assets?asset=A${index}` })),
    )
    await soon(() => (redis.cli('EXISTS', `probe:{kraken}${HOST}`) === '1' ? true : undefined))
    const decisions = (await answers).map(({ decision }) => decision)
    // One call of one weir was let through, and nobody else's.
    expect(decisions.toSorted()).toEqual(['forwarded', 'refused', 'refused', 'refused'])
    expect(exchange.calls.length - before).toBe(1)
    exchange.clearFaults()
    await soon(async () => {
      for (const { bot } of [one, other]) await bot.send({ path: '/0/public/SystemStatus' })
      return (await breaker(one))?.state === 'closed' ? true : undefined
    }, 8_000)
    const closed = await inState(other, 'closed', 1_000)
    expect([closed.history.at(-1)?.to, (await breaker(one))?.history.at(-1)?.to]).toEqual(['closed', 'closed'])
    expect(redis.cli('HGET', `breaker:{kraken}${HOST}`, 'state')).toBe('closed')
    expect(redis.cli('EXISTS', `probe:{kraken}${HOST}`)).toBe('0')
  })

  it('keeps trouble on the way to the exchange to the weir that has it', async () => {
    const { exchange, one, other } = await openPair()
    await other.bot.send(TIME)
    exchange.fault({ kind: 'reset', times: 5 })
    for (let call = 0; call < 5; call += 1) await one.bot.send({ path: `/0/public/Assets?asset=X${call}` })
    expect((await breaker(one))?.state).toBe('open')
    await sleep(500)
    expect((await breaker(other))?.state).toBe('closed')
  })

  it('goes by the hand of an operator at any of its weirs, also those that start later', async () => {
    const { one, other, join } = await openPair()
    await fetch(`${one.weir.admin}/v1/breakers/${HOST}/open`, { method: 'POST' })
    await inState(other, 'open', 1_000)
    const late = await join()
    expect((await breaker(late))?.state).toBe('open')
    await fetch(`${late.weir.admin}/v1/breakers/${HOST}/close`, { method: 'POST' })
    await inState(one, 'closed', 1_000)
    await inState(other, 'closed', 1_000)
    expect(await one.bot.send(TIME)).toMatchObject({ decision: 'forwarded', status: 200 })
  })

  it('opens and closes each for itself while Redis is away, and tells when it is back', async () => {
    const { exchange, redis, one, other } = await openPair()
    for (const member of [one, other]) await soon(() => hasShare(member), 5_000)
    await redis.kill()
    exchange.fault({ ...tooManyRequests({ retryAfter: 60 }), times: 1 })
    expect(await one.bot.send({ path: '/0/public/SystemStatus' })).toMatchObject({ decision: 'forwarded', status: 429 })
    expect((await breaker(one))?.state).toBe('open')
    expect((await breaker(other))?.state).toBe('closed')
    await redis.start()
    const heard = await inState(other, 'open', 6_000)
    expect(heard.open_for_ms).toBeGreaterThan(5_000)
    expect(heard.open_for_ms).toBeLessThan(60_000)
  })
})

describe('news of breakers', { timeout: 20_000 }, () => {
  const OPEN: BreakerNews = { state: 'open', cause: 'limit', reason: 'http 429', openForMs: 60_000, level: 1 }
  const CLOSED: BreakerNews = { state: 'closed', reason: 'probes served' }

  /** One end of the line; its next replies are lost while `deaf`. */
  const end = async (url: string, me: string) => {
    const connection = connect(parseAddress(url), patientClock)
    await soon(() => connection.command('PING').catch(() => undefined))
    const heard: BreakerNews[] = []
    const line = { deaf: false, heard, shared: undefined as unknown as SharedBreakers }
    const redis: typeof connection = {
      ...connection,
      run: async (...asked) => {
        const answer = await connection.run(...asked)
        if (line.deaf) throw new Error('the reply is lost')
        return answer
      },
    }
    const hosts = () => [[HOST, 'kraken']] as const
    line.shared = new SharedBreakers({ redis, clock: realClock, me, hosts, hear: (_host, news) => heard.push(news) })
    onTestFinished(() => {
      line.shared.stop()
      connection.close()
    })
    await line.shared.start()
    return line
  }

  const server = async () => {
    const redis = await startRedis()
    onTestFinished(() => redis[Symbol.asyncDispose]())
    return redis
  }

  it('that arrived are not told again because the reply was lost', async () => {
    const { url } = await server()
    const [one, other] = [await end(url, 'one'), await end(url, 'other')]
    one.deaf = true
    one.shared.tell(HOST, OPEN)
    await soon(() => (other.heard.length === 1 ? true : undefined))
    one.deaf = false
    other.shared.tell(HOST, CLOSED)
    await soon(() => (one.heard.length === 1 ? true : undefined))
    await sleep(2_500)
    expect(one.heard).toEqual([CLOSED])
    expect(other.heard).toMatchObject([{ state: 'open', cause: 'limit', reason: 'http 429', level: 1 }])
  })

  it('are known to who comes later, for the time that is left', async () => {
    const { url } = await server()
    const one = await end(url, 'one')
    one.shared.tell(HOST, OPEN)
    await sleep(300)
    const late = await end(url, 'late')
    expect(late.heard).toHaveLength(1)
    const [news] = late.heard
    expect(news?.state === 'open' && news.openForMs).toBeLessThanOrEqual(59_750)
    one.shared.tell(HOST, { ...OPEN, openForMs: undefined, cause: 'manual' })
    await soon(() => (late.heard.length === 2 ? true : undefined))
    expect((await end(url, 'last')).heard).toEqual([{ ...OPEN, openForMs: undefined, cause: 'manual' }])
  })

  it('are put back into a Redis that was emptied', async () => {
    const { url, cli } = await server()
    const one = await end(url, 'one')
    one.shared.tell(HOST, OPEN)
    await soon(() => (cli('EXISTS', `breaker:{kraken}${HOST}`) === '1' ? true : undefined))
    cli('FLUSHALL')
    await soon(() => (cli('EXISTS', `breaker:{kraken}${HOST}`) === '1' ? true : undefined), 4_000)
    expect((await end(url, 'late')).heard).toMatchObject([{ state: 'open', cause: 'limit' }])
  })

  it('go as one while they come faster than Redis answers', async () => {
    const { url, cli } = await server()
    const [one, other] = [await end(url, 'one'), await end(url, 'other')]
    for (let times = 0; times < 100; times += 1) one.shared.tell(HOST, { ...OPEN, openForMs: 60_000 + times })
    await soon(() => {
      const last = other.heard.at(-1)
      return last?.state === 'open' && (last.openForMs ?? 0) > 60_050 ? true : undefined
    })
    expect(Number(cli('HGET', `breaker:{kraken}${HOST}`, 'epoch'))).toBeLessThan(10)
  })

  it('that nobody wrote are passed over', async () => {
    const { url, cli } = await server()
    const one = await end(url, 'one')
    const other = await end(url, 'other')
    for (const word of ['', 'null', '{}', '{"host":"x","state":"open","reason":"","by":"","epoch":1}', '[1]']) {
      cli('PUBLISH', 'breaker:{kraken}changes', word)
    }
    other.shared.tell(HOST, CLOSED)
    await soon(() => (one.heard.length > 0 ? true : undefined))
    expect(one.heard).toEqual([CLOSED])
  })

  it('give the right to probe to one at a time, who may give it up or lose it', async () => {
    const { url } = await server()
    const [one, other] = [await end(url, 'one'), await end(url, 'other')]
    expect([await one.shared.claim(HOST, 5_000), await other.shared.claim(HOST, 5_000)]).toEqual([true, false])
    expect(await one.shared.claim(HOST, 1_500)).toBe(true)
    other.shared.yield(HOST)
    expect(await other.shared.claim(HOST, 5_000)).toBe(false)
    await soon(async () => (await other.shared.claim(HOST, 5_000)) || undefined, 5_000)
    other.shared.yield(HOST)
    expect(await one.shared.claim(HOST, 5_000)).toBe(true)
  })
})
