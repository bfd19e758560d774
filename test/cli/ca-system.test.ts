// `weir ca trust --system` for real: in a mount namespace of its own, where the folders of the system's trust store are empty
// file systems that vanish with it. Linux as root with update-ca-certificates; elsewhere only what is said to others.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openAuthority } from '../../src/tls/authority.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const STORE = '/etc/ssl/certs'
const FOLDER = '/usr/local/share/ca-certificates'

const can =
  spawnSync('unshare', ['--mount', 'true'], { timeout: 10_000 }).status === 0 &&
  existsSync('/usr/sbin/update-ca-certificates')
if (!can) process.stdout.write('SKIPPED: trust of the system: no mount namespace, or no update-ca-certificates here\n')

let dir: string

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'weir-trust-'))
  await openAuthority({ dir, hosts: ['api.kraken.com'], now: () => Date.now() })
})

afterAll(() => rmSync(dir, { recursive: true }))

/** Runs a script in the namespace; `$WEIR` is the command line up to `ca`. */
const inNamespace = (script: string) => {
  const mounts = `set -e; mount -t tmpfs none ${STORE}; mount -t tmpfs none ${FOLDER}; export TMPDIR=${dir}`
  const weir = `${process.execPath} ${MAIN} ca`
  return spawnSync(
    'unshare',
    ['--mount', '--propagation', 'private', 'sh', '-c', `${mounts}; WEIR="${weir}"; ${script}`],
    {
      encoding: 'utf8',
      timeout: 60_000,
      env: { PATH: process.env.PATH, WEIR_STATE_DIR: dir },
    },
  )
}

describe.runIf(can)('weir ca trust --system', { timeout: 70_000 }, () => {
  it('makes OpenSSL trust the root, which untrust takes back, and leaves nothing on this machine', () => {
    const before = [
      existsSync(join(STORE, 'ca-certificates.crt')),
      spawnSync('ls', ['-la', STORE, FOLDER]).stdout.toString(),
    ]
    const check = `openssl verify -CApath ${STORE} ${dir}/ca.pem 2>&1 | tail -1; grep -c "$(sed -n 2p ${dir}/ca.pem)" ${STORE}/ca-certificates.crt || true`
    const { status, stdout, stderr } = inNamespace(
      `$WEIR trust --system; ls ${FOLDER}; ${check}; $WEIR trust --system; $WEIR untrust; ls ${FOLDER} ${STORE} | grep weir || true; ${check}; $WEIR untrust`,
    )
    expect(stderr).toBe('')
    expect(status).toBe(0)
    const file = `${FOLDER}/weir-[0-9a-f]{16}\\.crt`
    expect(stdout).toMatch(
      new RegExp(
        [
          `^added ${file} and ran update-ca-certificates: .*`,
          'Node, Java and Python .*',
          'weir ca untrust takes it back',
          'weir-[0-9a-f]{16}\\.crt',
          `${dir}/ca\\.pem: OK`,
          '1',
          `${file} was there already; update-ca-certificates has run`,
          `removed ${file} and ran update-ca-certificates`,
          `.*${dir}/ca\\.pem: verification failed`,
          '0',
          `nothing of weir is in ${FOLDER}\n$`,
        ].join('\n'),
      ),
    )
    expect([
      existsSync(join(STORE, 'ca-certificates.crt')),
      spawnSync('ls', ['-la', STORE, FOLDER]).stdout.toString(),
    ]).toEqual(before)
  })

  it('tells anybody but root what to type', () => {
    const script = `chmod 755 ${dir}; chmod 644 ${dir}/ca.pem; setpriv --reuid=65534 --clear-groups $WEIR trust --system`
    const { status, stdout, stderr } = inNamespace(script)
    expect(stderr).toMatch(
      /^weir: the trust store of the system is changed by root only:\n {2}sudo \S+ \S+main\.ts ca trust --system --state-dir /,
    )
    expect([status, stdout]).toEqual([1, ''])
  })

  it('says so when the system has no such tool', () => {
    const { status, stderr } = inNamespace('mount -t tmpfs none /usr/sbin; $WEIR trust --system')
    expect(stderr).toMatch(/^weir: this system has no update-ca-certificates .*weir ca shows other ways\n$/)
    expect(status).toBe(1)
  })
})

describe('weir ca', () => {
  it.each([[['trust']], [['trust', 'me', '--system']], [['--system']], [['trsut']]])('does not know %j', (words) => {
    const { status, stderr } = spawnSync(process.execPath, [MAIN, 'ca', ...words], {
      encoding: 'utf8',
      timeout: 30_000,
    })
    expect(stderr).toMatch(/^Usage: weir ca /)
    expect(status).toBe(2)
  })

  it('prints the root as it lies in the state directory', () => {
    const { status, stdout } = spawnSync(process.execPath, [MAIN, 'ca', '--state-dir', dir], {
      encoding: 'utf8',
      timeout: 30_000,
    })
    expect(stdout).toContain(readFileSync(join(dir, 'ca.pem'), 'utf8'))
    expect(status).toBe(0)
  })
})
