// The listener itself: addresses, bounds, and what it can not have.

import { describe, expect, test } from 'vitest'
import { answers, dial, KRAKEN, start } from './support.ts'

describe('the listener', { timeout: 20_000 }, () => {
  test('rejects when the port is taken, and is none the worse for it', async () => {
    await using weir = await start()
    await using other = await start()
    await expect(other.server.listen('127.0.0.1', weir.port)).rejects.toThrow()
    using bot = await dial(other.port)
    await bot.say(`GET http://${KRAKEN}/a HTTP/1.1\r\nHost: x\r\n\r\n`).until((heard) => answers(heard, 1))
  })

  test('that is reachable from elsewhere relays no https URL in the clear', async () => {
    await using weir = await start({}, '0.0.0.0')
    using bot = await dial(weir.port)
    const heard = await bot
      .say(`GET https://${KRAKEN}/a HTTP/1.1\r\nHost: x\r\n\r\n`)
      .until((text) => text.endsWith('}\n'))
    expect(heard).toMatch(/^HTTP\/1\.1 403 /)
    expect(weir.calls).toHaveLength(0)
  })

  test('knows an IPv4 bot of a dual-stack listener by its IPv4 address', async ({ skip }) => {
    const weir = await start({}, '::').catch(() => undefined)
    if (weir === undefined) return skip('no IPv6 here')
    using bot = await dial(weir.port)
    await bot.say(`GET http://${KRAKEN}/a HTTP/1.1\r\nHost: x\r\n\r\n`).until((heard) => answers(heard, 1))
    expect(weir.calls[0]?.bot).toBe('127.0.0.1')
    await weir.server.stop(0)
  })

  test('takes hosts from the rules of the moment', async () => {
    const hosts = new Set<string>()
    await using weir = await start({ hosts: () => hosts })
    using bot = await dial(weir.port)
    const request = `GET http://${KRAKEN}/a HTTP/1.1\r\nHost: x\r\n\r\n`
    await bot.say(request).until((heard) => heard.includes('host_not_allowed'))
    hosts.add(KRAKEN)
    await bot.say(request).until((heard) => answers(heard, 1))
  })
})
