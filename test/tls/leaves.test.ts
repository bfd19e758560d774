import { once } from 'node:events'
import { connect } from 'node:tls'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Authority, openAuthority } from '../../src/tls/authority.ts'
import { Leaves } from '../../src/tls/leaves.ts'
import { clockAt, DAY_MS, newStateDir, serve } from './fixture.ts'

const HOST = 'api.kraken.com'

/** Leaves over a real authority that counts what it issues. */
async function newLeaves(hosts: readonly string[] = [HOST], start = Date.now()) {
  const clock = clockAt(start)
  const authority = await openAuthority({ dir: await newStateDir(), hosts, now: clock.now })
  const issued: string[] = []
  const counting: Authority = {
    ...authority,
    leafFor: (host) => {
      issued.push(host)
      return authority.leafFor(host)
    },
  }
  return { authority, clock, issued, leaves: new Leaves(counting, clock.now) }
}

/** Connects, reads one answer to its end, and tells what came with it: a session ticket and the leaf's serial. */
async function visit(port: number, ca: string, session?: Buffer) {
  const options = { host: '127.0.0.1', port, servername: HOST, ca, minVersion: 'TLSv1.3' } as const
  const socket = connect({ ...options, ...(session && { session }) })
  onTestFinished(() => void socket.destroy())
  let ticket: Buffer | undefined
  socket.on('session', (given) => {
    ticket = given
  })
  await once(socket, 'secureConnect')
  const facts = { reused: socket.isSessionReused(), serial: socket.getPeerX509Certificate()?.serialNumber }
  socket.end(`GET / HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`)
  socket.resume()
  await once(socket, 'close')
  return { ...facts, ticket }
}

describe('contexts', () => {
  it('are made once per host and then there at once, in any spelling', async () => {
    const { leaves, issued } = await newLeaves()
    const context = await leaves.contextFor('API.kraken.com')
    expect(leaves.contextFor(HOST)).toBe(context)
    expect(await leaves.contextFor('Api.Kraken.Com.')).toBe(context)
    expect(issued).toEqual([HOST])
  })

  it('are made once for handshakes that come together', async () => {
    const { leaves, issued } = await newLeaves()
    const contexts = await Promise.all(
      [HOST, 'API.KRAKEN.COM', HOST, `${HOST}.`].map((name) => leaves.contextFor(name)),
    )
    expect(new Set(contexts).size).toBe(1)
    expect(issued).toEqual([HOST])
  })

  it('reject names that are not configured, again and again, and keep working', async () => {
    const { leaves } = await newLeaves()
    for (const name of ['bank.example', 'bank.example', '', '127.0.0.1', 'a\0b']) {
      await expect(leaves.contextFor(name)).rejects.toThrow(/is not a/)
    }
    expect(await leaves.contextFor(HOST)).toBe(leaves.contextFor(HOST))
  })

  it('are tried again after a failure to issue', async () => {
    const { authority, clock } = await newLeaves()
    let failures = 1
    const leafFor = async (host: string) => {
      failures -= 1
      if (failures >= 0) throw new Error('out of memory')
      return await authority.leafFor(host)
    }
    const leaves = new Leaves({ ...authority, leafFor }, clock.now)
    await expect(leaves.contextFor(HOST)).rejects.toThrow('out of memory')
    expect(await leaves.contextFor(HOST)).toBe(leaves.contextFor(HOST))
  })

  it('stay bounded when a bot invents sub-domains, and the busy host stays in', async () => {
    const { authority, clock } = await newLeaves()
    const leaf = await authority.leafFor(HOST)
    const bounded = new Leaves({ ...authority, leafFor: async () => leaf }, clock.now)
    const busy = await bounded.contextFor(HOST)
    for (let n = 0; n < 600; n += 1) {
      await bounded.contextFor(`n${n}.${HOST}`)
      expect(bounded.contextFor(HOST)).toBe(busy)
    }
    expect(bounded.contextFor(`n599.${HOST}`)).not.toBeInstanceOf(Promise)
    expect(bounded.contextFor(`n0.${HOST}`)).toBeInstanceOf(Promise)
  })
})

describe('renewal', () => {
  it('comes a day before the end of a leaf, not earlier', async () => {
    const { leaves, clock, issued } = await newLeaves([HOST], Date.UTC(2026, 10, 22))
    const first = await leaves.contextFor(HOST)
    clock.advance(44 * DAY_MS - 1)
    expect(leaves.contextFor(HOST)).toBe(first)
    clock.advance(1)
    const second = await leaves.contextFor(HOST)
    expect(second).not.toBe(first)
    expect(leaves.contextFor(HOST)).toBe(second)
    expect(issued).toHaveLength(2)
  })

  it('comes when the clock is set back to before the leaf begins', async () => {
    const { leaves, clock, issued } = await newLeaves([HOST], Date.UTC(2026, 10, 22))
    await leaves.contextFor(HOST)
    clock.advance(-DAY_MS)
    expect(leaves.contextFor(HOST)).not.toBeInstanceOf(Promise)
    clock.advance(-1)
    await leaves.contextFor(HOST)
    expect(issued).toHaveLength(2)
  })

  it('does not run at every handshake on the authority’s last day', async () => {
    const { leaves, authority, clock, issued } = await newLeaves([HOST], Date.UTC(2026, 10, 22))
    clock.advance(authority.notAfter.getTime() - clock.now() - 1000)
    const last = await leaves.contextFor(HOST)
    expect(leaves.contextFor(HOST)).toBe(last)
    expect(issued).toHaveLength(1)
    clock.advance(1000)
    await expect(leaves.contextFor(HOST)).rejects.toThrow('restart weir')
  })
})

describe('over a real connection', () => {
  it('a TLS 1.3 session resumes on the second connection', async () => {
    const { leaves, authority } = await newLeaves()
    const port = await serve(leaves)
    const first = await visit(port, authority.caPem)
    expect(first).toMatchObject({ reused: false, ticket: expect.any(Buffer) })
    const second = await visit(port, authority.caPem, first.ticket)
    expect(second).toMatchObject({ reused: true })
  })

  it('a client that trusts only ca.pem sees the renewed leaf on a new connection', async () => {
    const { leaves, authority, clock } = await newLeaves([HOST], Date.now() - 44 * DAY_MS)
    const port = await serve(leaves)
    const before = await visit(port, authority.caPem)
    clock.advance(44 * DAY_MS)
    const after = await visit(port, authority.caPem)
    expect(before.serial).toMatch(/^[0-9A-F]{32}$/)
    expect(after.serial).toMatch(/^[0-9A-F]{32}$/)
    expect(after.serial).not.toBe(before.serial)
  })
})
