// What the way to Redis says of a server that does not answer, or not to us.

import { once } from 'node:events'
import { type AddressInfo, createConnection, createServer } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Clock, realClock } from '../../src/core/clock.ts'
import { parseAddress } from '../../src/redis/address.ts'
import { connect } from '../../src/redis/connection.ts'
import { soon } from './pair.ts'
import { patientClock } from './rig.ts'
import { startRedis } from './server.ts'

const LATE = 'no answer within 50 ms'

const serve = async () => {
  const redis = await startRedis()
  onTestFinished(() => redis[Symbol.asyncDispose]())
  return redis
}

const reach = async (url: string, clock = patientClock) => {
  const connection = connect(parseAddress(url), clock)
  onTestFinished(() => connection.close())
  await soon(() => connection.command('PING').catch(() => undefined), 5_000)
  return connection
}

// An answer that came after it had been given up took the reason away: Redis was away, and nobody could say why.
it('a server that answers too late has not answered: why stays said until an answer is in time', async () => {
  let heard = 0
  const clock: Clock = {
    ...realClock,
    after: (delay, task) => {
      const timer = realClock.after(delay, task)
      return {
        // Whenever an answer is read, be it late, nobody waits for it any more.
        cancel: () => {
          heard += 1
          timer.cancel()
        },
      }
    },
  }
  const redis = await serve()
  const connection = await reach(redis.url, clock)
  await expect(connection.command('BLPOP', 'nothing', '0')).rejects.toThrow(LATE)
  const before = heard
  redis.cli('LPUSH', 'nothing', 'something')
  await soon(() => heard > before || undefined, 10_000)
  expect(connection.trouble()).toBe(LATE)
  await soon(() => connection.command('PING').catch(() => undefined), 10_000)
  expect(connection.trouble()).toBe(undefined)
})

describe('a server that refuses a command', () => {
  /** A wire on which refusals are in the words of newer servers, which name the user. */
  const layNaming = async (to: number): Promise<number> => {
    const server = createServer((near) => {
      const far = createConnection(to, '127.0.0.1')
      near.pipe(far).on('error', () => near.destroy())
      far.on('data', (piece) => near.write(String(piece).replace(/^-NOPERM this user|^-ERR The user.*/gm, named)))
      near.on('error', () => {}).on('close', () => far.destroy())
    })
    const named = (words: string): string =>
      words.startsWith('-NOPERM')
        ? '-NOPERM User trader-7'
        : '-ERR ACL failure in script: User trader-7 has no permissions'
    server.listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  }

  it.each(['in its own words', 'naming the user'])('is told of without the name of the user: %s', async (how) => {
    const redis = await serve()
    redis.cli('ACL', 'SETUSER', 'trader-7', 'on', '>hunter2', '~mine', '&*', '+@all', '-config', '-get')
    const port = how === 'naming the user' ? await layNaming(redis.port) : redis.port
    const connection = await reach(`redis://trader-7:hunter2@127.0.0.1:${port}`)
    const refused = 'Redis refuses a command (NOPERM)'
    const asked = [
      () => connection.command('CONFIG', 'GET', 'maxmemory'),
      () => connection.command('SET', 'yours', '1'),
      () => connection.run("return redis.call('GET', KEYS[1])", ['mine'], []),
    ]
    for (const ask of asked) {
      await expect(ask()).rejects.toThrow(new Error(refused))
      expect(connection.trouble()).toBe(refused)
    }
  })
})
