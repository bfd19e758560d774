// A throw-away certificate authority for the simulated exchange: made once per process with the openssl command, kept in
// memory. It shares no code with what it helps to test.

import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** PEM texts of the authority and of one leaf for all simulated hosts. */
export interface Certificates {
  readonly caPem: string
  readonly key: string
  readonly cert: string
}

const run = promisify(execFile)
let made: Promise<Certificates> | undefined

/** The certificates of this process; the names are those of the first caller. Rejects when openssl is missing. */
export function certificatesFor(hosts: readonly string[]): Promise<Certificates> {
  made ??= make(hosts)
  return made
}

/** Writes the authority into a file of its own, for NODE_EXTRA_CA_CERTS and the like; `remove` takes it away. */
export async function caFile(caPem: string): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), 'exchange-ca-'))
  const path = join(dir, 'ca.pem')
  await writeFile(path, caPem)
  return { path, remove: () => rm(dir, { recursive: true, force: true }) }
}

async function make(hosts: readonly string[]): Promise<Certificates> {
  const dir = await mkdtemp(join(tmpdir(), 'exchange-keys-'))
  try {
    return await makeIn(dir, hosts)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

async function makeIn(dir: string, hosts: readonly string[]): Promise<Certificates> {
  const file = (name: string) => join(dir, name)
  const fresh = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30']
  const names = [...hosts.map((host) => `DNS:${host}`), 'DNS:localhost', 'IP:127.0.0.1'].join(',')
  const authority = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign']
  const leaf = ['-addext', `subjectAltName=${names}`, '-addext', 'basicConstraints=critical,CA:FALSE']
  const serverOnly = ['-addext', 'extendedKeyUsage=serverAuth', '-addext', 'keyUsage=critical,digitalSignature']
  await run('openssl', [...fresh, '-subj', '/CN=Simulated exchange authority', ...authority, ...pair(file, 'ca')])
  const signer = ['-CA', file('ca.pem'), '-CAkey', file('ca.key')]
  await run('openssl', [
    ...fresh,
    '-subj',
    '/CN=Simulated exchange',
    ...leaf,
    ...serverOnly,
    ...signer,
    ...pair(file, 'leaf'),
  ])
  const [caPem, key, cert] = await Promise.all(
    ['ca.pem', 'leaf.key', 'leaf.pem'].map((name) => readFile(file(name), 'utf8')),
  )
  if (caPem === undefined || key === undefined || cert === undefined) throw new Error('openssl wrote no certificate')
  return { caPem, key, cert }
}

function pair(file: (name: string) => string, name: string): string[] {
  return ['-keyout', file(`${name}.key`), '-out', file(`${name}.pem`)]
}
