// A throw-away certificate authority for the simulated exchange: made once per process with the openssl command,
// kept in a temporary folder that goes when the process does. It shares no code with what it helps to test.

import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** PEM texts of the authority and of one leaf for all simulated hosts; `caFile` is for NODE_EXTRA_CA_CERTS and the like. */
export interface Certificates {
  readonly caPem: string
  readonly caFile: string
  readonly key: string
  readonly cert: string
}

const run = promisify(execFile)
let made: Promise<Certificates> | undefined

/** The certificates of this process; the names are those of the first caller. Throws when openssl is missing. */
export function certificatesFor(hosts: readonly string[]): Promise<Certificates> {
  made ??= make(hosts)
  return made
}

async function make(hosts: readonly string[]): Promise<Certificates> {
  const dir = mkdtempSync(join(tmpdir(), 'exchange-ca-'))
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }))
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
  return { caPem, caFile: file('ca.pem'), key, cert }
}

function pair(file: (name: string) => string, name: string): string[] {
  return ['-keyout', file(`${name}.key`), '-out', file(`${name}.pem`)]
}
