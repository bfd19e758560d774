// A state directory, a wall clock that only tests move, and a real TLS server that serves an authority's leaves.

import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'
import type { Leaves } from '../../src/tls/leaves.ts'

export const DAY_MS = 24 * 3_600_000

const execute = promisify(execFile)

/** Runs a program for at most 20 s; resolves to its exit code and everything it said. */
export async function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  try {
    const { stdout, stderr } = await execute(program, args, { timeout: 60_000, env: { ...process.env, ...env } })
    return { code: 0, output: stdout + stderr }
  } catch (error) {
    const { code, stdout, stderr } = error as { code?: unknown; stdout?: string; stderr?: string }
    return { code: typeof code === 'number' ? code : -1, output: `${stdout ?? ''}${stderr ?? ''}` || String(error) }
  }
}

/** A directory that does not exist yet, in one that goes away with the test. */
export async function newStateDir(): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), 'weir-tls-'))
  onTestFinished(() => rm(parent, { recursive: true, force: true }))
  return join(parent, 'state')
}

export function clockAt(start: number) {
  let at = start
  return {
    now: () => at,
    advance: (ms: number) => {
      at += ms
    },
  }
}

/** An HTTPS server on 127.0.0.1 that answers `ok` under whatever leaf the client's SNI asks for. */
export async function serve(leaves: Pick<Leaves, 'contextFor'>): Promise<number> {
  const server = createServer(
    {
      SNICallback: (name, done) =>
        Promise.resolve(leaves.contextFor(name)).then((context) => done(null, context), done),
    },
    (_, response) => response.end('ok'),
  )
  server.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

/**
 * What a thief of `ca.key` would do with openssl: a leaf over a fresh key for any subjectAltName. Returns file paths.
 */
export async function stealLeaf(dir: string, name: string, san: string): Promise<{ key: string; chain: string }> {
  const at = (ending: string) => join(dir, `${name}.${ending}`)
  await run('openssl', [
    'req',
    '-new',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    at('key'),
    '-out',
    at('csr'),
    '-subj',
    '/O=thief',
  ])
  await writeFile(
    at('ext'),
    `subjectAltName=${san}\nextendedKeyUsage=serverAuth\nbasicConstraints=critical,CA:FALSE\n` +
      'keyUsage=critical,digitalSignature\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=none\n',
  )
  const signed = await run('openssl', [
    'x509',
    '-req',
    '-in',
    at('csr'),
    '-CA',
    join(dir, 'ca-chain.pem'),
    '-CAkey',
    join(dir, 'ca.key'),
    '-days',
    '1',
    '-extfile',
    at('ext'),
    '-out',
    at('pem'),
  ])
  if (signed.code !== 0) throw new Error(signed.output)
  return { key: at('key'), chain: at('pem') }
}
