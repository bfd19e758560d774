import { X509Certificate } from 'node:crypto'
import { chmod, mkdir, readFile, rm, stat, unlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { getCACertificates } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { openAuthority } from '../../src/tls/authority.ts'
import { clockAt, DAY_MS, newStateDir, run } from './fixture.ts'

const START = Date.UTC(2026, 10, 22)
const HOSTS = ['api.kraken.com', 'api.coinbase.com']
const opener = new URL('./open-in-child.ts', import.meta.url).pathname

async function open(dir: string, hosts: readonly string[] = HOSTS, now = () => START) {
  return await openAuthority({ dir, hosts, now })
}

/** The promise to operators: what `ca.pem` says and what is served belong together. */
async function expectUsable(dir: string, hosts: readonly string[] = HOSTS) {
  const authority = await open(dir, hosts)
  expect(authority.created).toBe(false)
  expect(await readFile(join(dir, 'ca.pem'), 'utf8')).toBe(authority.caPem)
  expect(await readFile(join(dir, 'bundle.pem'), 'utf8')).toContain(authority.caPem.trim())
  await writeFile(join(dir, 'leaf.pem'), (await authority.leafFor(hosts[0] ?? '')).chain)
  const verdict = await run('openssl', [
    'verify',
    '-x509_strict',
    '-CAfile',
    join(dir, 'ca.pem'),
    '-untrusted',
    join(dir, 'ca-chain.pem'),
    '-attime',
    String(START / 1000),
    join(dir, 'leaf.pem'),
  ])
  expect(verdict).toMatchObject({ code: 0 })
  return authority
}

describe('the first start', () => {
  it('makes an authority whose key only the owner can read', async () => {
    const dir = await newStateDir()
    const authority = await open(dir)
    expect(authority).toMatchObject({ created: true, reason: `there was none in ${dir}`, hosts: HOSTS })
    const modes = await Promise.all(
      ['', 'ca.key', 'ca.pem', 'ca-chain.pem', 'bundle.pem'].map((name) => stat(join(dir, name))),
    )
    expect(modes.map(({ mode }) => (mode & 0o777).toString(8))).toEqual(['700', '600', '644', '644', '644'])
    await expectUsable(dir)
  })

  it('gives root and intermediate ten years, from a day ago', async () => {
    const dir = await newStateDir()
    const { notAfter, caPem } = await open(dir)
    expect(new X509Certificate(caPem).validFromDate.getTime()).toBe(START - DAY_MS)
    expect(new X509Certificate(caPem).validToDate).toEqual(notAfter)
    expect(notAfter.getUTCFullYear()).toBe(2036)
  })

  it('keeps only the intermediate key: no key on disk belongs to the root', async () => {
    const dir = await newStateDir()
    await open(dir)
    const keys = (await readFile(join(dir, 'ca.key'), 'utf8')).match(/BEGIN [A-Z ]*PRIVATE KEY/g)
    expect(keys).toHaveLength(1)
    const publicKey = (...args: string[]) => run('openssl', [...args, '-pubout'])
    const certificateKey = (file: string) => run('openssl', ['x509', '-in', join(dir, file), '-noout', '-pubkey'])
    const stored = await publicKey('pkey', '-in', join(dir, 'ca.key'))
    expect(stored.code).toBe(0)
    expect(await certificateKey('ca-chain.pem')).toEqual(stored)
    expect(await certificateKey('ca.pem')).not.toEqual(stored)
  })

  it('joins the public roots of the system and of Node with ours, each once', async () => {
    const dir = await newStateDir()
    const { caPem } = await open(dir)
    const bundle =
      (await readFile(join(dir, 'bundle.pem'), 'utf8')).match(/-----BEGIN[\s\S]+?-----END CERTIFICATE-----/g) ?? []
    expect(new Set(bundle)).toEqual(
      new Set([...getCACertificates('system'), ...getCACertificates('bundled'), caPem].map((pem) => pem.trim())),
    )
    expect(new Set(bundle).size).toBe(bundle.length)
  })

  it.each([[[]], [['127.0.0.1']], [['*.kraken.com']]])('refuses the hosts %j and writes nothing', async (hosts) => {
    const dir = await newStateDir()
    await expect(open(dir, hosts)).rejects.toThrow(/host/)
    await expect(stat(dir)).rejects.toThrow('ENOENT')
  })
})

describe('a later start', () => {
  it('finds the same authority, also for fewer hosts and for sub-domains', async () => {
    const dir = await newStateDir()
    const first = await open(dir)
    for (const hosts of [HOSTS, ['api.kraken.com'], ['v2.API.kraken.com.']]) {
      expect(await open(dir, hosts)).toMatchObject({ created: false, caPem: first.caPem })
    }
  })

  it('makes a new one when a host was added, says so, and keeps the old one aside', async () => {
    const dir = await newStateDir()
    const first = await open(dir)
    const oldKey = await readFile(join(dir, 'ca.key'), 'utf8')
    const more = [...HOSTS, 'futures.kraken.com']
    const second = await open(dir, more)
    expect(second).toMatchObject({ created: true, reason: 'the old one may not speak for futures.kraken.com' })
    expect(second.caPem).not.toBe(first.caPem)
    expect(await readFile(join(dir, 'ca.pem.old'), 'utf8')).toBe(first.caPem)
    expect(await readFile(join(dir, 'ca.key.old'), 'utf8')).toBe(oldKey)
    expect((await stat(join(dir, 'ca.key.old'))).mode & 0o777).toBe(0o600)
    await expectUsable(dir, more)
  })

  it('makes a new one when the old one has ended, or has not begun because the clock was wrong', async () => {
    const dir = await newStateDir()
    const { notAfter } = await open(dir)
    const later = notAfter.getTime()
    expect(await open(dir, HOSTS, () => later - 1)).toMatchObject({ created: false })
    expect(await open(dir, HOSTS, () => later)).toMatchObject({
      created: true,
      reason: expect.stringContaining('ended'),
    })
    expect(await open(dir)).toMatchObject({ created: true, reason: expect.stringContaining('begins') })
  })

  it.each([0o640, 0o604, 0o660])('refuses a key of mode %o with the path and the cure', async (mode) => {
    const dir = await newStateDir()
    await open(dir)
    const key = join(dir, 'ca.key')
    await chmod(key, mode)
    await expect(open(dir)).rejects.toThrow(
      `${key} is open to other users (mode 0${mode.toString(8)}): run chmod 600 ${key}`,
    )
    await chmod(key, 0o600)
    await expectUsable(dir)
  })

  it('refuses a ca.pem without its key, and starts anew once the operator removes it', async () => {
    const dir = await newStateDir()
    await open(dir)
    await unlink(join(dir, 'ca.key'))
    await expect(open(dir)).rejects.toThrow(`${join(dir, 'ca.key')} is not: put it back`)
    await unlink(join(dir, 'ca.pem'))
    expect(await open(dir)).toMatchObject({ created: true })
    await expectUsable(dir)
  })

  it('refuses a ca.pem of another authority, which clients would trust in vain', async () => {
    const [dir, other] = [await newStateDir(), await newStateDir()]
    await open(dir)
    await writeFile(join(dir, 'ca.pem'), (await open(other)).caPem)
    await expect(open(dir)).rejects.toThrow('ca.pem does not belong to')
    await unlink(join(dir, 'ca.pem'))
    await expectUsable(dir)
  })

  it.each([
    ['empty', () => ''],
    ['cut short', (text: string) => text.slice(0, text.length / 2)],
    ['of another authority in part', (text: string, other: string) => other.slice(0, 300) + text.slice(300)],
    [
      'with the key of another',
      (text: string, other: string) => other.split('-----BEGIN CERT')[0] + text.slice(text.indexOf('-----BEGIN CERT')),
    ],
    [
      'with another root',
      (text: string, other: string) =>
        text.slice(0, text.lastIndexOf('-----BEGIN')) + other.slice(other.lastIndexOf('-----BEGIN')),
    ],
  ])('refuses a ca.key that is %s', async (_, spoil) => {
    const [dir, other] = [await newStateDir(), await newStateDir()]
    await open(dir)
    await open(other)
    const key = join(dir, 'ca.key')
    const good = await readFile(key, 'utf8')
    await writeFile(key, spoil(good, await readFile(join(other, 'ca.key'), 'utf8')))
    await expect(open(dir)).rejects.toThrow(`${key} is not a key with the two certificates that belong to it`)
    await writeFile(key, good)
    await expectUsable(dir)
  })

  it('says which file it can not lock', async () => {
    const dir = await newStateDir()
    await mkdir(join(dir, 'ca.lock'), { recursive: true })
    await expect(open(dir)).rejects.toThrow(`${join(dir, 'ca.lock')} can not be locked`)
  })

  it('needs nothing but ca.key: the rest is written again', async () => {
    const dir = await newStateDir()
    const { caPem } = await open(dir)
    for (const name of ['ca.pem', 'ca-chain.pem', 'bundle.pem', 'ca.lock']) await rm(join(dir, name))
    expect((await expectUsable(dir)).caPem).toBe(caPem)
  })

  it('takes up the public roots of the day: a bundle older than a day is written again', async () => {
    const dir = await newStateDir()
    await open(dir)
    const bundle = join(dir, 'bundle.pem')
    await writeFile(bundle, await readFile(join(dir, 'ca.pem')))
    await utimes(bundle, START / 1000, START / 1000)
    const clock = clockAt(START)
    await open(dir, HOSTS, clock.now)
    expect((await stat(bundle)).size).toBeLessThan(2_000)
    clock.advance(DAY_MS)
    await open(dir, HOSTS, clock.now)
    expect((await stat(bundle)).size).toBeGreaterThan(100_000)
  })
})

describe('starts that go wrong', () => {
  // Every write and rename is once the last thing a process does: at a write, half of the text is on disk.
  it.each([
    ['the first start', undefined, 8],
    ['a start that replaces an authority', ['old.example'], 13],
  ])(
    '%s, killed at any step, leaves what the next start can use',
    async (_, before, steps) => {
      let step = 0
      for (let killed = true; killed && step < 40; step += 1) {
        const dir = await newStateDir()
        if (before !== undefined) await open(dir, before)
        const child = await run(process.execPath, [opener, dir, String(START), ...HOSTS], { KILL_AT: String(step) })
        killed = child.code !== 0
        await open(dir)
        await expectUsable(dir)
      }
      expect(step - 1).toBe(steps)
    },
    180_000,
  )

  it.each([
    ['at once', undefined],
    ['at once with a host more', ['old.example']],
  ])(
    'processes that start %s end up with one authority',
    async (_, before) => {
      const dir = await newStateDir()
      if (before !== undefined) await open(dir, before)
      const start = () => run(process.execPath, [opener, dir, String(START), ...HOSTS])
      const children = await Promise.all([start(), start(), start(), start()])
      const { caPem } = await expectUsable(dir)
      expect(children).toEqual(Array(4).fill({ code: 0, output: caPem }))
    },
    90_000,
  )

  it('so do starts within one process', async () => {
    const dir = await newStateDir()
    const opened = await Promise.all([open(dir), open(dir), open(dir)])
    expect(new Set(opened.map(({ caPem }) => caPem)).size).toBe(1)
  })
})
