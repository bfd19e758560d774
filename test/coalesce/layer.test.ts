import { describe, expect, it } from 'vitest'
import { coalesce } from '../../src/coalesce/layer.ts'
import type { ClassifiedCall, Reply, Verdict } from '../../src/core/call.ts'
import { BotLeft } from '../../src/core/departure.ts'
import { WeirError } from '../../src/core/errors.ts'
import { aCall, aReply, aVerdict, type CallChange, forwarded } from '../support/build.ts'
import { FakeClock, settled } from '../support/fake-clock.ts'

interface Fetch {
  readonly call: ClassifiedCall
  answer(body?: Reply['body'] | string, verdict?: Verdict): void
  fail(error: Error): void
}

/** The layer over an exchange that answers when told to. Calls share a path; answers with verdict ok are for all. */
const setUp = () => {
  const clock = new FakeClock()
  const fetches: Fetch[] = []
  const next = (call: ClassifiedCall): Promise<Reply> => {
    const { promise, resolve, reject } = Promise.withResolvers<Reply>()
    const answer: Fetch['answer'] = (body = 'shared', verdict = aVerdict('ok')) => {
      forwarded(call.record, verdict)
      resolve(aReply(body))
    }
    fetches.push({ call, answer, fail: reject })
    return promise
  }
  const keyOf = ({ request }: ClassifiedCall) => (request.path === '/order' ? undefined : request.path)
  const share = (call: ClassifiedCall, reply: Reply) =>
    call.record.verdict?.kind === 'ok' && Buffer.isBuffer(reply.body) ? reply : undefined
  const handle = coalesce({ keyOf, share, clock })(next)
  const ask = (change: CallChange = {}) => {
    const call = aCall({ path: '/ticker', ...change })
    const reply = handle(call)
    reply.catch(() => {})
    return { call, reply }
  }
  const fetch = (at: number): Fetch => {
    const found = fetches[at]
    if (found === undefined) throw new Error(`only ${fetches.length} fetches`)
    return found
  }
  return { ask, handle, fetches, fetch, clock }
}

describe('the same question at the same time', () => {
  it('is asked once, and the answer is for all', async () => {
    const { ask, fetches, fetch } = setUp()
    const asked = [ask(), ask({ bot: 'two' }), ask({ bot: 'three' })]
    expect(fetches).toHaveLength(1)
    fetch(0).answer()
    const replies = await Promise.all(asked.map(({ reply }) => reply))
    expect(new Set(replies.map(({ body }) => body)).size).toBe(1)
    expect(asked.map(({ call }) => call.record.decision)).toEqual(['forwarded', 'coalesced', 'coalesced'])
    expect(asked.map(({ call }) => call.record.cost)).toEqual([1, 0, 0])
    expect(asked.map(({ call }) => call.record.sent)).toEqual(['yes', 'no', 'no'])
  })

  it('is asked again once it was answered', async () => {
    const { ask, fetches, fetch } = setUp()
    const { reply } = ask()
    fetch(0).answer()
    await reply
    ask()
    expect(fetches).toHaveLength(2)
  })

  it('tells followers how long they waited in weir, and in which state the breaker was', async () => {
    const { ask, fetch, clock } = setUp()
    ask()
    clock.advance(100)
    const early = ask()
    clock.advance(900)
    const late = ask()
    clock.advance(50)
    Object.assign(fetch(0).call.record, { waitedMs: 800, breaker: 'half_open' })
    fetch(0).answer()
    await Promise.all([early.reply, late.reply])
    expect(early.call.record).toMatchObject({ waitedMs: 800, breaker: 'half_open' })
    expect(late.call.record.waitedMs).toBe(50)
  })

  it('is not shared by calls without a key, nor by those that skip the cache', () => {
    const { ask, fetches } = setUp()
    ask()
    ask({ path: '/order' })
    ask({ path: '/order' })
    ask({ skipCache: true })
    ask({ path: '/other' })
    expect(fetches).toHaveLength(5)
  })
})

describe('an answer that is not for others', () => {
  it.each<[string, (fetch: Fetch) => void]>([
    ['an exchange that fails', (fetch) => fetch.answer('502', aVerdict('failing'))],
    ['a limit', (fetch) => fetch.answer('EAPI:Rate limit exceeded', aVerdict('throttled'))],
    ['the leader’s own deadline', (fetch) => fetch.fail(new WeirError('deadline_too_short'))],
    ['an open breaker', (fetch) => fetch.fail(new WeirError('circuit_open'))],
    ['a bug', (fetch) => fetch.fail(new Error('a bug'))],
  ])('because of %s sets all followers free at once, each by itself', async (_why, end) => {
    const { ask, fetches, fetch } = setUp()
    const leader = ask()
    const followers = [ask(), ask(), ask()]
    end(fetch(0))
    await leader.reply.catch(() => {})
    await settled()
    expect(fetches.slice(1).map(({ call }) => call.id)).toEqual(followers.map(({ call }) => call.id))
    for (const one of fetches.slice(1)) one.answer('own')
    await Promise.all(followers.map(({ reply }) => reply))
    expect(followers.map(({ call }) => call.record.decision)).toEqual(Array(3).fill('forwarded'))
  })

  it('is not waited for by those who ask for it in the next ten seconds', async () => {
    // Else every round of bots would stand in line behind an answer too large to share.
    const { ask, fetches, fetch, clock } = setUp()
    const { reply } = ask()
    fetch(0).answer({ pipe() {}, cancel() {} })
    await reply
    ask()
    ask()
    expect(fetches).toHaveLength(3)
    clock.advance(10_000)
    ask()
    ask()
    expect(fetches).toHaveLength(4)
  })
})

describe('a bot that hangs up', () => {
  it('does not end the flight of others, though it leads', async () => {
    const { ask, fetch } = setUp()
    const leader = ask()
    const follower = ask()
    leader.call.presence.leave()
    expect(fetch(0).call.presence.left).toBe(false)
    fetch(0).answer()
    expect((await follower.reply).body.toString()).toBe('shared')
    expect(follower.call.record.decision).toBe('coalesced')
  })

  it('is dropped at once when it follows', async () => {
    const { ask, fetch } = setUp()
    const leader = ask()
    const follower = ask()
    follower.call.presence.leave()
    await expect(follower.reply).rejects.toBeInstanceOf(BotLeft)
    fetch(0).answer()
    await leader.reply
    expect(leader.call.record.decision).toBe('forwarded')
  })

  it('ends the flight as the last one, and nobody boards it any more', async () => {
    const { ask, fetches, fetch } = setUp()
    const bots = [ask(), ask(), ask()]
    bots[0]?.call.presence.leave()
    bots[1]?.call.presence.leave()
    expect(fetch(0).call.presence.left).toBe(false)
    bots[2]?.call.presence.leave()
    expect(fetch(0).call.presence.left).toBe(true)
    const another = ask()
    expect(fetches).toHaveLength(2)
    fetch(0).fail(new BotLeft())
    fetch(1).answer()
    await another.reply
    expect(another.call.record.decision).toBe('forwarded')
  })

  it('had left before it could follow: it is dropped, and the leader flies on', async () => {
    const { ask, handle, fetch } = setUp()
    ask()
    const gone = aCall({ path: '/ticker' })
    gone.presence.leave()
    await expect(handle(gone)).rejects.toBeInstanceOf(BotLeft)
    expect(fetch(0).call.presence.left).toBe(false)
  })

  it('ends a stream that is its own alone, though others had followed', async () => {
    const { ask, fetch } = setUp()
    const leader = ask()
    const follower = ask()
    fetch(0).answer({ pipe() {}, cancel() {} })
    await leader.reply
    await settled()
    leader.call.presence.leave()
    expect(fetch(0).call.presence.left).toBe(true)
    expect(fetch(1).call.id).toBe(follower.call.id)
    expect(fetch(1).call.presence.left).toBe(false)
  })
})

describe('a follower in a hurry', () => {
  it('goes by itself when its wait is over, with no time left to wait', async () => {
    const { ask, fetches, fetch, clock } = setUp()
    ask()
    const hurried = ask({ maxWaitMs: 300 })
    await clock.pass(300)
    expect(fetches).toHaveLength(2)
    expect(fetch(1).call.wishes.maxWaitMs).toBe(0)
    fetch(1).answer('own')
    expect((await hurried.reply).body.toString()).toBe('own')
  })

  it('leaves no timer behind when it was answered in time', async () => {
    const { ask, fetch, clock } = setUp()
    ask()
    const hurried = ask({ maxWaitMs: 300 })
    await clock.pass(100)
    fetch(0).answer()
    await hurried.reply
    expect(clock.pending).toBe(0)
  })

  it('has only the rest of its wait left when it is set free', async () => {
    const { ask, fetch, clock } = setUp()
    ask()
    ask({ maxWaitMs: 300 })
    await clock.pass(100)
    fetch(0).fail(new WeirError('queue_full'))
    await settled()
    expect(fetch(1).call.wishes.maxWaitMs).toBe(200)
  })
})
