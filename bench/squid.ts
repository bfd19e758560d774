// Squid with ssl_bump, as a measure: another proxy that opens TLS, forwards, and closes it again. It has no limits, no lanes
// and no journal. `--squid ROOT`: where Debian's package squid-openssl is unpacked (`/` when it is installed).

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Squid {
  readonly process: ChildProcess
  readonly port: number
  readonly caFile: string
}

/** User and group `proxy` of Debian: Squid does not run as root. */
const PROXY_ID = 13

/** Starts Squid with its files in `dir`; resolves when it listens. */
export const startSquid = async (root: string, dir: string, host: string, originCa: string): Promise<Squid> => {
  const at = (...path: string[]): string => join(root, 'usr', ...path)
  const own = (name: string): string => join(dir, name)
  const port = await freePort()
  mkdirSync(dir)
  const curve = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-days',
    '2',
    '-subj',
    '/CN=squid',
  ]
  execFileSync('openssl', ['req', '-x509', ...curve, '-keyout', own('ca.key'), '-out', own('ca.pem')], {
    stdio: 'ignore',
  })
  writeFileSync(own('hosts'), `127.0.0.1 ${host}\n`)
  copyFileSync(originCa, own('origin.pem'))
  const makeLeaf = `${at('lib', 'squid', 'security_file_certgen')} -s ${own('leaves')} -M 4MB`
  execFileSync(at('lib', 'squid', 'security_file_certgen'), ['-c', '-s', own('leaves'), '-M', '4MB'], {
    stdio: 'ignore',
  })
  const bump = `ssl-bump cert=${own('ca.pem')} key=${own('ca.key')} generate-host-certificates=on`
  const settings = [
    `http_port 127.0.0.1:${port} ${bump} dynamic_cert_mem_cache_size=4MB`,
    `sslcrtd_program ${makeLeaf}`,
    `unlinkd_program ${at('lib', 'squid', 'unlinkd')}`,
    'pinger_enable off',
    'ssl_bump bump all',
    `tls_outgoing_options cafile=${own('origin.pem')}`,
    'http_access allow all',
    'cache deny all',
    'access_log none',
    `cache_log ${own('log')}`,
    'pid_filename none',
    'shutdown_lifetime 0 seconds',
    `hosts_file ${own('hosts')}`,
    `mime_table ${at('share', 'squid', 'mime.conf')}`,
    `error_directory ${dir}`,
    `icon_directory ${dir}`,
    `coredump_dir ${dir}`,
  ]
  writeFileSync(own('squid.conf'), `${settings.join('\n')}\n`)
  const asRoot = process.getuid?.() === 0
  if (asRoot) {
    execFileSync('chown', ['-R', `${PROXY_ID}:${PROXY_ID}`, dir])
    chmodSync(join(dir, '..'), 0o711)
  }
  const child = spawn(at('sbin', 'squid'), ['-N', '-f', own('squid.conf')], {
    stdio: 'ignore',
    ...(asRoot ? { uid: PROXY_ID, gid: PROXY_ID } : {}),
  })
  await listening(port)
  return { process: child, port, caFile: own('ca.pem') }
}

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(address === null || typeof address === 'string' ? 0 : address.port))
    })
  })

const listening = async (port: number): Promise<void> => {
  for (let tries = 0; tries < 100; tries += 1) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1')
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
    if (open) return
    await sleep(100)
  }
  throw new Error('Squid did not start')
}
