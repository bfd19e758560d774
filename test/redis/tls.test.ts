// Redis over TLS, with a user and a password: weir logs in and shares there; where the certificate is nobody's it knows, or the
// password is wrong, it says so, says how to mend it, and gives nothing away.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startExchange } from '../support/exchange/exchange.ts'
import { startWeir } from '../support/weir.ts'
import { openClient } from '../system/client.ts'
import { soon } from './pair.ts'
import { refusal } from './refusal.ts'
import { freePort, startRedis } from './server.ts'
import { tlsSettings } from './tls.ts'

const PASSWORD = 'hunter2-correct@horse'
const UNTRUSTED = /certificate.*\(an authority of your own is trusted when NODE_EXTRA_CA_CERTS names its file\)/

/** A server that speaks TLS, and a user of it. */
const openRedis = async () => {
  const { caFile, flags } = await tlsSettings()
  const port = await freePort()
  const redis = await startRedis(flags(port))
  onTestFinished(() => redis[Symbol.asyncDispose]())
  redis.cli('ACL', 'SETUSER', 'bot', 'on', `>${PASSWORD}`, '~*', '&*', '+@all')
  const url = (password: string) => `rediss://bot:${encodeURIComponent(password)}@127.0.0.1:${port}`
  return { redis, url, trusting: { NODE_EXTRA_CA_CERTS: caFile } }
}

const home = async (): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), 'weir-tls-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

const weirAt = async (url: string, stateDir: string, env: Readonly<Record<string, string>>) => {
  const exchange = await startExchange()
  onTestFinished(() => exchange.close())
  const weir = await startWeir({ exchange, stateDir, env, args: ['--redis', url, '--log-level', 'trace'] })
  onTestFinished(() => weir[Symbol.asyncDispose]())
  return weir
}

describe('a Redis that speaks TLS', { timeout: 120_000 }, () => {
  it('is shared by a weir that trusts its authority, under the user of the URL', async () => {
    const { redis, url, trusting } = await openRedis()
    const weir = await weirAt(url(PASSWORD), await home(), trusting)
    await weir.logged(/^limits are shared/)
    const client = openClient(weir)
    onTestFinished(() => client.close())
    expect(await client.send({ path: '/0/public/Time' })).toMatchObject({ decision: 'forwarded', status: 200 })
    const clients = redis.cli('CLIENT', 'LIST').split('\n')
    expect(clients.filter((line) => line.includes(' user=bot '))).toHaveLength(2)
    expect(redis.cli('KEYS', 'rl:{kraken}*:tokens')).not.toBe('')
    expect(weir.logs()).not.toContain(PASSWORD)
    expect(weir.logs()).not.toContain(encodeURIComponent(PASSWORD))
  })

  it('is not spoken to when nobody who is trusted vouches for it, and nothing but its address is told', async () => {
    const { redis, url, trusting } = await openRedis()
    const stateDir = await home()
    const said = await refusal(url(PASSWORD), stateDir)
    expect(said).toMatch(/^weir can not start: rediss:\/\/127\.0\.0\.1:\d+ can not be used \(/m)
    expect(said).toMatch(UNTRUSTED)
    expect(said).not.toContain('hunter2')
    expect(redis.cli('CLIENT', 'LIST')).not.toContain('user=bot')

    // Once it is part of the fleet it starts all the same, and waits for its share.
    const first = await weirAt(url(PASSWORD), stateDir, trusting)
    await first.logged(/^limits are shared/)
    await first.stop()
    const second = await weirAt(url(PASSWORD), stateDir, {})
    const { why } = await second.logged(/^Redis is away/)
    expect(String(why)).toMatch(UNTRUSTED)
    const pages = await Promise.all(
      ['/ready', '/health', '/health/detailed'].map(async (path) => (await fetch(second.admin + path)).text()),
    )
    expect(pages[0]).toBe('the common store is away\n')
    expect(pages[2]).toMatch(UNTRUSTED)
    expect([second.logs(), ...pages].join('\n')).not.toContain('hunter2')
  })

  it('says who was refused when the password is wrong, and not what was tried', async () => {
    const { redis, url, trusting } = await openRedis()
    const said = await refusal(url(`${PASSWORD}-not`), await home(), trusting)
    expect(said).toMatch(/can not be used \(WRONGPASS /)
    expect(said).not.toContain('hunter2')
    await soon(() => (redis.cli('ACL', 'LOG', '1').includes('bot') ? true : undefined))
  })

  it('may be a cluster whose certificates are for names', async () => {
    const { caFile, flags } = await tlsSettings('DNS:localhost')
    const port = await freePort()
    const named = ['--cluster-announce-hostname', 'localhost', '--cluster-preferred-endpoint-type', 'hostname']
    const bus = ['--cluster-enabled', 'yes', '--tls-cluster', 'yes', '--cluster-port', String(await freePort())]
    const redis = await startRedis([...flags(port), ...named, ...bus])
    onTestFinished(() => redis[Symbol.asyncDispose]())
    redis.cli('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
    const weir = await weirAt(`rediss://localhost:${port},localhost:${port}`, await home(), {
      NODE_EXTRA_CA_CERTS: caFile,
    })
    await weir.logged(/^limits are shared/)
    expect(redis.cli('EXISTS', 'weir:secret')).toBe('1')
  })
})
