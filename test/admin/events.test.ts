import { get, type IncomingMessage } from 'node:http'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Events, type Sink } from '../../src/admin/events.ts'
import type { News } from '../../src/core/watch.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { openDesk } from './desk.ts'

interface Heard extends Sink {
  readonly text: string
  readonly dropped: boolean
  readonly ended: boolean
  unread: number
  close(): void
}

const listener = (): Heard => {
  let onClosed = () => {}
  const heard = {
    text: '',
    dropped: false,
    ended: false,
    unread: 0,
    write: (text: string) => {
      heard.text += text
    },
    drop: () => {
      heard.dropped = true
      onClosed()
    },
    end: () => {
      heard.ended = true
    },
    onClosed: (task: () => void) => {
      onClosed = task
    },
    close: () => onClosed(),
  }
  return heard
}

const stage = () => {
  const clock = new FakeClock()
  let listeners = 0
  let broken = false
  let tell: (news: News) => void = () => {}
  const errors: unknown[] = []
  const events = new Events({
    after: (delay, task) => clock.after(delay, task),
    subscribe: (hear) => {
      listeners += 1
      tell = hear
      return () => {
        listeners -= 1
      }
    },
    levels: () => {
      if (broken) throw new Error('a mistake')
      return { atWallMs: clock.wall() }
    },
    onError: (error) => errors.push(error),
    run: 'r1',
  })
  const news = (count = 1) => {
    for (let at = 0; at < count; at += 1) tell({ type: 'rules', told: { source: 'limits.yaml', report: undefined } })
  }
  const calls = (count: number) => {
    for (let at = 0; at < count; at += 1) tell({ type: 'call', told: { id: `c${at}` } } as unknown as News)
  }
  const breakLevels = () => {
    broken = true
  }
  return { clock, events, news, calls, errors, breakLevels, listeners: () => listeners }
}

const count = (text: string, part: string): number => text.split(part).length - 1

describe('events', () => {
  it('cost nothing while nobody listens', () => {
    const { clock, events, listeners } = stage()
    expect([listeners(), clock.pending]).toEqual([0, 0])
    const one = listener()
    events.join(one, undefined)
    expect(listeners()).toBe(1)
    one.close()
    expect([listeners(), clock.pending]).toEqual([0, 0])
  })

  it('greet, show the levels at once, and then once per second', () => {
    const { clock, events } = stage()
    const one = listener()
    events.join(one, undefined)
    expect(one.text).toMatch(
      /^retry: 1000\nid: r1\/0\nevent: hello\ndata: {"run":"r1","resumed":false}\n\nevent: levels\n/,
    )
    clock.advance(3000)
    expect(count(one.text, 'event: levels')).toBe(4)
  })

  it('tell news within a tenth of a second, numbered', () => {
    const { clock, events, news } = stage()
    const one = listener()
    events.join(one, undefined)
    news(2)
    clock.advance(100)
    expect(one.text).toContain('id: r1/1\nevent: rules\ndata: {"source":"limits.yaml"}\n\nid: r1/2\n')
  })

  it('send a heartbeat, so that neither end takes silence for a dead line', () => {
    const { clock, events } = stage()
    const one = listener()
    events.join(one, undefined)
    clock.advance(15_000)
    expect(one.text).toContain(': still here\n\n')
  })

  it('tell a listener that comes back what it missed, and say when they can not', () => {
    const { clock, events, news } = stage()
    const [stays, leaves] = [listener(), listener()]
    events.join(stays, undefined)
    events.join(leaves, undefined)
    news(3)
    clock.advance(100)
    const [back, late, stranger] = [listener(), listener(), listener()]
    events.join(back, 'r1/1')
    expect(back.text).toContain('"resumed":true')
    expect(back.text).toContain('id: r1/2\nevent: rules')
    expect(back.text).not.toContain('id: r1/1\n')
    news(2000)
    clock.advance(100)
    events.join(late, 'r1/3')
    events.join(stranger, 'r0/3')
    for (const { text } of [late, stranger]) expect(text).toContain('"resumed":false')
  })

  it('do not say that a listener missed nothing when nobody was there to hear it', () => {
    // Frames are numbered as they are told: after a time without listeners the next number followed the last one heard, and who
    // came back was greeted with `resumed` over everything that had happened meanwhile.
    const { clock, events, news } = stage()
    const one = listener()
    events.join(one, undefined)
    news()
    clock.advance(100)
    one.close()
    const [first, back] = [listener(), listener()]
    events.join(first, undefined)
    news()
    clock.advance(100)
    events.join(back, 'r1/1')
    expect(back.text).toContain('"resumed":false')
  })

  it('take nobody at his word who heard what was never told', () => {
    const { events } = stage()
    const [one, liar] = [listener(), listener()]
    events.join(one, undefined)
    events.join(liar, 'r1/7')
    expect(liar.text).toContain('"resumed":false')
  })

  it('resume a listener that comes back at once, when nothing happened meanwhile', () => {
    const { events } = stage()
    const [stays, back] = [listener(), listener()]
    events.join(stays, undefined)
    events.join(back, 'r1/0')
    expect(back.text).toContain('"resumed":true')
  })

  it('tell each listener of everything once, also who comes between two ticks', () => {
    // What had been kept for those who come back was still to be told to all: who came back in that moment got it twice.
    const { clock, events, news } = stage()
    const [stays, back, fresh] = [listener(), listener(), listener()]
    events.join(stays, undefined)
    news(2)
    clock.advance(100)
    news(2)
    events.join(back, 'r1/2')
    events.join(fresh, undefined)
    clock.advance(100)
    expect([stays, back, fresh].map(({ text }) => count(text, 'event: rules'))).toEqual([4, 2, 0])
  })

  it('tell what is still to be told when they end, and go on for nobody', () => {
    const { clock, events, news, listeners } = stage()
    const one = listener()
    events.join(one, undefined)
    news()
    events.end()
    expect(one.text).toContain('event: rules')
    expect([one.ended, listeners(), clock.pending]).toEqual([true, 0, 0])
  })

  it('go on when the levels can not be told, and say so once', () => {
    // A mistake in a view used to end the process, and with it every bot's way to the exchange, as soon as somebody watched.
    const { clock, events, news, errors, breakLevels } = stage()
    const one = listener()
    events.join(one, undefined)
    breakLevels()
    clock.advance(5000)
    news()
    clock.advance(100)
    expect(one.text).toContain('event: rules')
    expect(errors).toHaveLength(1)
  })

  it('tell no more than 25 calls per tick, and how many more there were', () => {
    const { clock, events, calls, news } = stage()
    const one = listener()
    events.join(one, undefined)
    calls(250)
    news()
    clock.advance(100)
    expect(count(one.text, 'event: call\n')).toBe(25)
    expect(one.text).toContain('event: skipped\ndata: {"calls":225}')
    expect(one.text).toContain('event: rules')
  })

  it('drop a listener that does not read, and go on with the others', () => {
    const { clock, events, news } = stage()
    const [slow, quick] = [listener(), listener()]
    events.join(slow, undefined)
    events.join(quick, undefined)
    slow.unread = 2 * 1024 * 1024
    news()
    clock.advance(100)
    expect([slow.dropped, quick.dropped]).toEqual([true, false])
    expect(quick.text).toContain('event: rules')
  })
})

describe('/v1/events', () => {
  const listen = (port: number, headers: Record<string, string> = {}): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const request = get({ host: '127.0.0.1', port, path: '/v1/events', headers, agent: false }, resolve)
      request.on('error', reject)
      onTestFinished(() => void request.destroy())
    })

  it('is a stream that ends with the server, without cache, and not before what happened last is told', async () => {
    let tell: (news: News) => void = () => {}
    const subscribe = (hear: (news: News) => void) => {
      tell = hear
      return () => {}
    }
    const desk = await openDesk({ subscribe })
    const stream = await listen(desk.server.port)
    expect(stream.headers).toMatchObject({ 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    let text = ''
    stream.on('data', (piece) => {
      text += piece
    })
    await expect.poll(() => text, { timeout: 10_000 }).toContain('event: levels')
    const ended = new Promise((resolve) => stream.once('end', resolve))
    tell({ type: 'rules', told: { source: 'last.yaml', report: undefined } })
    await desk.server.close()
    await ended
    expect(text).toContain('last.yaml')
  })

  it('does not keep a server that stops waiting for a listener that never reads', async () => {
    let tell: (news: News) => void = () => {}
    const subscribe = (hear: (news: News) => void) => {
      tell = hear
      return () => {}
    }
    const desk = await openDesk({ subscribe })
    const slow = await listen(desk.server.port)
    slow.pause()
    slow.on('error', () => {})
    tell({ type: 'rules', told: { source: 'limits.yaml', report: 'x'.repeat(20_000_000) } })
    await desk.server.close()
  })

  it('that fails harms nobody: it is logged, the listener is let go, and the next page is served', async () => {
    await using desk = await openDesk({
      latencies: () => {
        throw new Error('a mistake')
      },
    })
    await expect(listen(desk.server.port)).rejects.toThrow('socket hang up')
    expect(desk.errors).toHaveLength(1)
    expect((await desk.get('/live')).status).toBe(200)
  })

  it('has room for sixteen, and again when one leaves', async () => {
    await using desk = await openDesk()
    const streams = await Promise.all(Array.from({ length: 16 }, () => listen(desk.server.port)))
    expect((await desk.get('/v1/events')).status).toBe(503)
    streams[0]?.destroy()
    await expect
      .poll(
        async () => {
          const stream = await listen(desk.server.port)
          stream.destroy()
          return stream.statusCode
        },
        { timeout: 12_000 },
      )
      .toBe(200)
  })

  it('lets go of a listener that never reads', async () => {
    let tell: (news: News) => void = () => {}
    const { promise: dropped, resolve: left } = Promise.withResolvers<void>()
    const subscribe = (hear: (news: News) => void) => {
      tell = hear
      return left
    }
    await using desk = await openDesk({ subscribe })
    const slow = await listen(desk.server.port)
    slow.pause()
    slow.on('error', () => {})
    const report = 'x'.repeat(200_000)
    const flood = setInterval(() => tell({ type: 'rules', told: { source: 'limits.yaml', report } }), 5)
    onTestFinished(() => clearInterval(flood))
    await dropped
  })

  it('asks for the token like every page', async () => {
    await using desk = await openDesk({}, { token: 'secret' })
    expect((await desk.get('/v1/events')).status).toBe(401)
    const stream = await listen(desk.server.port, { authorization: 'Bearer secret' })
    expect(stream.statusCode).toBe(200)
    stream.destroy()
  })
})
