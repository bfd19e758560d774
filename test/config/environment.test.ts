// Flags, variables, defaults: who wins, what they mean, and how mistakes are told.

import { describe, expect, it } from 'vitest'
import { readSettings, type Settings } from '../../src/config/environment.ts'
import { formatIssues } from '../../src/config/issues.ts'

const HOME = { HOME: '/home/trader' }

const settings = (args: readonly string[], env: Record<string, string> = {}): Settings => {
  const read = readSettings(args, { ...HOME, ...env })
  if (!read.ok) throw new Error(formatIssues(read.issues, ''))
  return read.settings
}

const faults = (args: readonly string[], env: Record<string, string> = {}): readonly string[] => {
  const read = readSettings(args, { ...HOME, ...env })
  return read.ok
    ? []
    : read.issues.map(({ file, path, message, hint }) => `${file} ${path}: ${[message, hint ?? []].flat().join('; ')}`)
}

describe('settings', () => {
  it('have the defaults of the documentation', () => {
    expect(settings([])).toEqual({
      config: 'limits.yaml',
      listen: { host: '127.0.0.1', port: 8080 },
      admin: { host: '127.0.0.1', port: 9090, token: undefined },
      stateDir: '/home/trader/.weir',
      redis: undefined,
      connectTo: [],
      dns: [],
      upstreamCa: [],
      logLevel: 'info',
    })
  })

  it('come from variables', () => {
    const env = {
      WEIR_CONFIG: '/etc/weir/limits.yaml',
      WEIR_LISTEN: '0.0.0.0:3128',
      WEIR_ADMIN: '[::1]:0',
      WEIR_ADMIN_TOKEN: 's3cret',
      WEIR_STATE_DIR: '~/state',
      WEIR_REDIS_URL: 'redis://127.0.0.1:6379/2',
      WEIR_CONNECT_TO: 'api.kraken.com:443:127.0.0.1:4430, api.coinbase.com:443:[::1]:4431',
      WEIR_DNS: '1.1.1.1, [2606:4700::1111]:53',
      WEIR_UPSTREAM_CA: '/a.pem,/b.pem',
      WEIR_LOG_LEVEL: 'DEBUG',
    }
    expect(settings([], env)).toEqual({
      config: '/etc/weir/limits.yaml',
      listen: { host: '0.0.0.0', port: 3128 },
      admin: { host: '::1', port: 0, token: 's3cret' },
      stateDir: '/home/trader/state',
      redis: 'redis://127.0.0.1:6379/2',
      connectTo: [
        { fromHost: 'api.kraken.com', fromPort: 443, toHost: '127.0.0.1', toPort: 4430 },
        { fromHost: 'api.coinbase.com', fromPort: 443, toHost: '::1', toPort: 4431 },
      ],
      dns: ['1.1.1.1', '[2606:4700::1111]:53'],
      upstreamCa: ['/a.pem', '/b.pem'],
      logLevel: 'debug',
    })
  })

  it('come from flags before variables, in both spellings, and the last one wins', () => {
    const env = { WEIR_LISTEN: '127.0.0.1:1', WEIR_CONNECT_TO: 'a.example:1:b.example:2', WEIR_LOG_LEVEL: 'warn' }
    const found = settings(
      ['--listen=2', '--listen', '3', '--connect-to', 'C.Example.:4:d:5', '--connect-to=e:6:f:7'],
      env,
    )
    expect(found.listen).toEqual({ host: '127.0.0.1', port: 3 })
    expect(found.connectTo).toEqual([
      { fromHost: 'c.example', fromPort: 4, toHost: 'd', toPort: 5 },
      { fromHost: 'e', fromPort: 6, toHost: 'f', toPort: 7 },
    ])
    expect(found.logLevel).toBe('warn')
  })

  it('leave words that are no flags to the command', () => {
    const read = readSettings(['GET', '--config', 'x.yaml', 'https://api.kraken.com/'], HOME)
    expect(read.ok && read.rest).toEqual(['GET', 'https://api.kraken.com/'])
  })
})

describe('mistakes', () => {
  it('are told all at once, with what was probably meant', () => {
    const env = { WEIR_LISTN: '1', WEIR_CONNECT_TO: 'a:443:b', WEIR_LOG_LEVEL: 'loud' }
    expect(faults(['--lisen', '1', '--admin', '--state-dir=', '--listen', 'here'], env)).toEqual([
      'command line --lisen: is not a flag of weir; did you mean "--listen"?',
      'command line --admin: needs a value: --admin HOST:PORT',
      'command line --state-dir: needs a value: --state-dir DIR',
      'environment WEIR_LISTN: is not a variable of weir; did you mean "WEIR_LISTEN"?',
      'command line --listen: expected HOST:PORT, such as 127.0.0.1:8080, got "here"',
      'environment WEIR_CONNECT_TO: expected HOST:PORT:HOST:PORT, got "a:443:b"',
      'environment WEIR_LOG_LEVEL: expected one of trace, debug, info, warn, error, fatal, silent, got "loud"',
    ])
  })

  it('never repeat a Redis URL, which may hold a password', () => {
    expect(faults(['--redis', 'http://user:hunter2@example']).join()).not.toContain('hunter2')
  })

  it.each(['127.0.0.1', '127.0.0.1:65536', ':8080', 'a b:1', '::1:80', '127.0.0.1:80/x', '-1'])(
    '%s is nowhere to listen',
    (text) => {
      expect(faults([`--listen=${text}`])).toHaveLength(1)
    },
  )

  it.each(['a:0:b:1', 'a:1:b', 'a:1:b:2:3', '::1:1:b:2', 'a:1:b:99999'])('%s is no --connect-to', (text) => {
    expect(faults([`--connect-to=${text}`])).toHaveLength(1)
  })
})
