// A fleet whose Redis is guarded by sentinels, all of it over TLS and with a login: before, while and after the master dies and
// its replica takes over.

import { describe, expect, it, onTestFinished } from 'vitest'
import { realClock } from '../../src/core/clock.ts'
import { parseAddress } from '../../src/redis/address.ts'
import { connect } from '../../src/redis/connection.ts'
import { leastOf, openFleet, percent, say, verdictOn } from './fleet.ts'
import { soon } from './pair.ts'
import { startSentinels } from './sentinels.ts'
import { tlsSettings } from './tls.ts'

const PASSWORD = 'hunter2-correct-horse'

describe('two weirs on a Redis with sentinels', { timeout: 120_000 }, () => {
  it('break no limit while the master dies, and share again with the one that takes over', async () => {
    const tls = await tlsSettings()
    const redis = ['--user', 'bot', 'on', `>${PASSWORD}`, '~*', '&*', '+@all']
    const { place, master, replica } = await startSentinels({ tls, redis })
    const url = `rediss+sentinel://bot:${PASSWORD}@${place}`
    const fleet = await openFleet([url, url], { NODE_EXTRA_CA_CERTS: tls.caFile })
    const before = await fleet.work(4)
    await master.kill()
    await fleet.workUntilShared(0)
    const away = await fleet.workUntilShared(2)
    const after = await fleet.work(4)
    expect(verdictOn(fleet)).toEqual({ violations: [], invalidNonces: 0 })
    say(`sentinels: ${percent(before)} of what came in, ${percent(away)} in a fail-over, ${percent(after)} after it`)
    for (const used of [before, after]) expect(used).toBeGreaterThan(leastOf(0.5))
    expect(replica.cli('ROLE')).toMatch(/^master/)
    expect(replica.cli('CLIENT', 'LIST')).toContain(' user=bot ')
    for (const { logs } of fleet.weirs) expect(logs()).not.toContain(PASSWORD)
  })
})

describe('a way to Redis by its sentinels', { timeout: 120_000 }, () => {
  it('leads to the new master, for what is asked and for what is heard, though a sentinel and the old one are frozen', async () => {
    const { place, master, replica, sentinels } = await startSentinels()
    const redis = connect(parseAddress(`redis+sentinel://${place}`), realClock)
    onTestFinished(() => redis.close())
    const heard: string[] = []
    redis.subscribe('news', (message) => heard.push(message))
    await soon(() => redis.command('SET', 'told', 'before').catch(() => undefined))
    await soon(() => {
      master.cli('PUBLISH', 'news', 'before')
      return heard.includes('before') ? true : undefined
    })
    sentinels[0]?.kill('SIGSTOP')
    master.signal('SIGSTOP')
    await soon(() => redis.command('SET', 'told', 'after').catch(() => undefined), 30_000)
    expect(replica.cli('GET', 'told')).toBe('after')
    await soon(() => {
      replica.cli('PUBLISH', 'news', 'after')
      return heard.includes('after') ? true : undefined
    }, 10_000)
    expect(redis.trouble()).toBeUndefined()
  })
})
