import { describe, expect, it } from 'vitest'
import { type Launch, pathsOf, variables } from '../../src/launch/variables.ts'

const launch: Launch = {
  proxy: '127.0.0.1:8080',
  name: 'grid 1',
  hosts: ['api.kraken.com', 'api.coinbase.com'],
  env: {},
  files: {
    ca: '/s/ca.pem',
    nodeCa: '/s/node.pem',
    bundles: { SSL_CERT_FILE: '/s/ssl.pem', REQUESTS_CA_BUNDLE: '/s/requests.pem', CURL_CA_BUNDLE: '/s/curl.pem' },
    phpIni: '/s/php',
    wgetrc: '/s/wgetrc',
    javaStore: undefined,
  },
  hooks: { node: '/h/preload.cjs', python: '/h/python' },
  java: false,
}

const valuesOf = (changes: Partial<Launch> = {}): Readonly<Record<string, string>> =>
  Object.fromEntries(variables({ ...launch, ...changes }).map(({ name, value }) => [name, value]))

describe('the variables of a launched bot', () => {
  it('are these', () => {
    const proxy = 'http://grid%201:weir@127.0.0.1:8080'
    expect(valuesOf()).toEqual({
      HTTPS_PROXY: proxy,
      https_proxy: proxy,
      HTTP_PROXY: proxy,
      http_proxy: proxy,
      NO_PROXY: 'localhost,127.0.0.1,::1',
      no_proxy: 'localhost,127.0.0.1,::1',
      NODE_USE_ENV_PROXY: '1',
      NODE_EXTRA_CA_CERTS: '/s/node.pem',
      SSL_CERT_FILE: '/s/ssl.pem',
      REQUESTS_CA_BUNDLE: '/s/requests.pem',
      CURL_CA_BUNDLE: '/s/curl.pem',
      DENO_CERT: '/s/ca.pem',
      NODE_OPTIONS: '--require /h/preload.cjs',
      PYTHONPATH: '/h/python',
      WEIR_TRANSPARENT: '127.0.0.1:8080',
      WEIR_HOSTS: 'api.kraken.com,api.coinbase.com',
      WEIR_CA_FILE: '/s/ca.pem',
      FREQTRADE__EXCHANGE__CCXT_CONFIG__requests_trust_env: 'true',
      FREQTRADE__EXCHANGE__CCXT_CONFIG__aiohttp_trust_env: 'true',
      FREQTRADE__EXCHANGE__CCXT_CONFIG__cafile: '/s/ssl.pem',
      PHP_INI_SCAN_DIR: ':/s/php',
      WGETRC: '/s/wgetrc',
    })
  })

  it('each have a reason, and a name of their own', () => {
    const rows = variables({ ...launch, java: true })
    expect(rows.filter(({ reason }) => reason === '')).toEqual([])
    expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length)
  })

  it('keep what the user had', () => {
    const env = {
      NODE_OPTIONS: '--max-old-space-size=512',
      PYTHONPATH: '/mine:/other',
      PHP_INI_SCAN_DIR: '/php',
      NO_PROXY: 'db.internal,kraken.com',
      JAVA_TOOL_OPTIONS: '-Xmx1g',
    }
    expect(valuesOf({ env, java: true })).toMatchObject({
      NODE_OPTIONS: '--max-old-space-size=512 --require /h/preload.cjs',
      PYTHONPATH: '/h/python:/mine:/other',
      PHP_INI_SCAN_DIR: '/php:/s/php',
      NO_PROXY: 'localhost,127.0.0.1,::1,db.internal',
      JAVA_TOOL_OPTIONS: expect.stringMatching(/^-Xmx1g -Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=8080 /),
    })
  })

  it('do not pile up in a bot that starts a bot', () => {
    for (const java of [false, true]) {
      const once = valuesOf({ java })
      const { PHP_INI_SCAN_DIR: _, ...rest } = valuesOf({ env: once, java })
      expect(once).toMatchObject(rest)
    }
  })

  it('without hooks set nothing that only a hook reads', () => {
    const values = valuesOf({ hooks: undefined })
    expect(Object.keys(values).filter((name) => /^(WEIR_|NODE_OPTIONS|PYTHONPATH)/.test(name))).toEqual([])
  })

  it('name no user for a bot without a name', () => {
    expect(valuesOf({ name: undefined }).HTTPS_PROXY).toBe('http://127.0.0.1:8080')
  })

  it('quote paths as their readers want them', () => {
    const files = { ...launch.files, javaStore: '/my state/store' }
    const values = valuesOf({ files, java: true, hooks: { node: '/my "hooks"/preload.cjs', python: '/h' } })
    expect(values.NODE_OPTIONS).toBe('--require "/my \\"hooks\\"/preload.cjs"')
    expect(values.JAVA_TOOL_OPTIONS).toContain('"-Djavax.net.ssl.trustStore=/my state/store"')
  })

  it('never weaken verification', () => {
    const names = variables({ ...launch, java: true }).map(({ name }) => name)
    for (const never of ['ALL_PROXY', 'SSL_CERT_DIR', 'NODE_TLS_REJECT_UNAUTHORIZED', 'PYTHONHTTPSVERIFY', 'GODEBUG']) {
      expect(names).not.toContain(never)
    }
  })

  it('lead to these paths', () => {
    const files = ['/s/ca.pem', '/s/node.pem', '/s/ssl.pem', '/s/requests.pem', '/s/curl.pem', '/s/php', '/s/wgetrc']
    expect(pathsOf(launch)).toEqual([...files, '/h/preload.cjs', '/h/python'])
    expect(pathsOf({ ...launch, hooks: undefined })).toEqual(files)
  })
})
