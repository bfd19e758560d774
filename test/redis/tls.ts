// What a redis-server of tests needs to speak TLS, and whom to trust then.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { certificatesFor } from '../support/exchange/authority.ts'
import { HOSTS } from '../support/exchange/exchange.ts'

export interface TlsSettings {
  /** Of an authority that nobody knows. */
  readonly caFile: string
  /** Flags that make a server, its replicas and its sentinels speak TLS with each other, and on this port. */
  flags(port: number): readonly string[]
}

/** Certificates for 127.0.0.1 and localhost, gone when the test is over. */
export const tlsSettings = async (): Promise<TlsSettings> => {
  const { caPem, cert, key } = await certificatesFor(HOSTS)
  const home = await mkdtemp(join(tmpdir(), 'weir-redis-tls-'))
  onTestFinished(() => rm(home, { recursive: true, force: true }))
  const file = async (name: string, text: string): Promise<string> => {
    await writeFile(join(home, name), text)
    return join(home, name)
  }
  const caFile = await file('ca.pem', caPem)
  const files = ['--tls-cert-file', await file('cert.pem', cert), '--tls-key-file', await file('key.pem', key)]
  return {
    caFile,
    flags: (port) => [
      ...['--tls-port', String(port), '--tls-replication', 'yes', '--tls-auth-clients', 'no'],
      ...[...files, '--tls-ca-cert-file', caFile],
    ],
  }
}
