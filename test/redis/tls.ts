// What a redis-server of tests needs to speak TLS, and whom to trust then: made with the openssl command, gone when the test is
// over.

import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

export interface TlsSettings {
  /** Of an authority that nobody knows. */
  readonly caFile: string
  /** Flags that make a server, its replicas and its sentinels speak TLS with each other, and on this port. */
  flags(port: number): readonly string[]
}

/** @param names for which the certificate is, as openssl writes them */
export const tlsSettings = async (names = 'DNS:localhost,IP:127.0.0.1'): Promise<TlsSettings> => {
  const home = await mkdtemp(join(tmpdir(), 'weir-redis-tls-'))
  onTestFinished(() => rm(home, { recursive: true, force: true }))
  const file = (name: string): string => join(home, name)
  const make = (name: string, ...more: readonly string[]): void => {
    const fresh = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
    const files = ['-keyout', file(`${name}.key`), '-out', file(`${name}.pem`), '-subj', `/CN=Redis ${name}`]
    execFileSync('openssl', [...fresh, ...files, ...more], { stdio: 'ignore', timeout: 20_000 })
  }
  make('ca', '-addext', 'basicConstraints=critical,CA:TRUE')
  const signer = ['-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-addext', 'basicConstraints=critical,CA:FALSE']
  make('server', ...signer, '-addext', `subjectAltName=${names}`)
  return {
    caFile: file('ca.pem'),
    flags: (port) => [
      ...['--tls-port', String(port), '--tls-replication', 'yes', '--tls-auth-clients', 'no'],
      ...['--tls-cert-file', file('server.pem'), '--tls-key-file', file('server.key')],
      ...['--tls-ca-cert-file', file('ca.pem')],
    ],
  }
}
