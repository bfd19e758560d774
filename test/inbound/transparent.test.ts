// Transparent mode as docs/transparent.md tells it, on a machine of its own: network and mount namespaces, where the hosts file,
// or the DNS of a network of containers, leads exchanges to weir's port 443 for everybody, weir included. Clients there know of
// no proxy.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openCommand, openGo } from '../clients/needs.ts'

interface Seen {
  readonly curl: string
  readonly webSocket: string
  readonly go?: string
  readonly lost: string
  readonly calls: number
}

const hasIp = await openCommand(['ip', '-V'], ['iproute2'])
const can =
  hasIp && spawnSync('unshare', ['--net', '--mount', 'ip', 'link', 'set', 'lo', 'up'], { timeout: 10_000 }).status === 0
if (hasIp && !can) process.stdout.write('SKIPPED: transparent mode: no namespaces here\n')
/** It asks for Go 1.24: http.Protocols came with that. */
const go = can ? await openGo('../inbound/programs/h2only.go') : undefined

/** Its `local` route makes the kernel take every address of the block for its own, though no interface has one. */
const ENTER = [
  'ip link set lo up',
  'ip address add 203.0.113.2/32 dev lo',
  'ip route add local 203.0.113.0/24 dev lo',
  'mount --bind "$0/hosts" /etc/hosts',
  'mount --bind "$0/resolv.conf" /etc/resolv.conf',
  'exec "$@"',
].join(' && ')

const WAYS = [
  ['hosts file', '127.0.0.1 api.kraken.com ws.kraken.com\n'],
  // The name of weir's container on its network, as Docker's own DNS tells it to all containers there.
  ['aliases', ''],
] as const

let dir: string

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'weir-transparent-'))
})

afterAll(() => rmSync(dir, { recursive: true, force: true }))

describe.runIf(can).for(WAYS)('a machine whose %s leads exchanges to weir', { timeout: 90_000 }, ([way, hosts]) => {
  let seen: Seen

  beforeAll(() => {
    const home = mkdtempSync(join(dir, 'machine-'))
    writeFileSync(join(home, 'hosts'), `127.0.0.1 localhost\n${hosts}`)
    writeFileSync(join(home, 'resolv.conf'), 'nameserver 127.0.0.1\n')
    const ground = fileURLToPath(new URL('./transparent-ground.ts', import.meta.url))
    const program = [process.execPath, ground, way, home, go ?? '']
    const { stdout, stderr } = spawnSync('unshare', ['--net', '--mount', 'sh', '-c', ENTER, home, ...program], {
      encoding: 'utf8',
      timeout: 100_000,
    })
    if (!stdout.startsWith('{')) throw new Error(stdout + stderr)
    seen = JSON.parse(stdout) as Seen
  }, 120_000)

  it('reaches them through weir, which asks DNS where they really are', () => {
    expect(seen.curl).toBe('forwarded')
    expect(seen.calls).toBeGreaterThan(0)
  })

  it('reaches their WebSockets too', () => {
    expect(seen.webSocket).toBe('open')
  })

  it.skipIf(go === undefined)('does so from Go without a proxy, over HTTP/2 alone', () => {
    expect(seen.go).toBe('HTTP/2.0 200 forwarded\nHTTP/2.0 200 forwarded')
  })

  // weir called itself and failed with "self-signed certificate", from which nobody could tell what was wrong.
  it('is told in words when DNS does not help', () => {
    expect(JSON.parse(seen.lost)).toMatchObject({
      error: ['EService:Unavailable'],
      weir: { code: 'upstream_unreachable', message: expect.stringContaining('api.kraken.com leads back to weir') },
    })
  })
})
