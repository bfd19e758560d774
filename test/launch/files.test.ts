import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { prepareFiles } from '../../src/launch/files.ts'
import type { Environment } from '../../src/launch/variables.ts'

const ROOT = '-----BEGIN CERTIFICATE-----\nweir\n-----END CERTIFICATE-----\n'
const CORPORATE = '-----BEGIN CERTIFICATE-----\ncorporate\n-----END CERTIFICATE-----\n'

let dir: string
let stateDir: string
let corporate: string

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'weir-files-'))
  stateDir = join(dir, 'state')
  corporate = join(dir, 'corporate.pem')
  writeFileSync(corporate, CORPORATE)
})

afterEach(() => rmSync(dir, { recursive: true }))

const prepare = (env: Environment = {}) => prepareFiles({ stateDir, caPem: ROOT, env, java: false })
const read = (path: string): string => readFileSync(path, 'utf8')

describe('the files of a launched bot', () => {
  it('hold public roots and ours, where the user had set nothing', () => {
    const { files, notes } = prepare()
    expect(read(files.ca)).toBe(ROOT)
    expect(files.nodeCa).toBe(files.ca)
    const bundle = read(files.bundles.SSL_CERT_FILE)
    expect(bundle.endsWith(ROOT)).toBe(true)
    expect(bundle.split('-----BEGIN CERTIFICATE-----').length).toBeGreaterThan(50)
    expect(new Set(Object.values(files.bundles)).size).toBe(1)
    expect(read(join(files.phpIni, 'weir.ini'))).toBe(
      `curl.cainfo="${files.bundles.CURL_CA_BUNDLE}"\nopenssl.cafile="${files.bundles.SSL_CERT_FILE}"\n`,
    )
    expect(notes).toEqual([])
  })

  it('are weir’s own where it keeps its state here', () => {
    prepare()
    writeFileSync(join(stateDir, 'ca.pem'), ROOT)
    writeFileSync(join(stateDir, 'bundle.pem'), CORPORATE + ROOT)
    const { files } = prepare()
    expect(files).toMatchObject({ ca: join(stateDir, 'ca.pem'), nodeCa: join(stateDir, 'ca.pem') })
    expect(files.bundles.SSL_CERT_FILE).toBe(join(stateDir, 'bundle.pem'))
  })

  it('do not take those of a weir with another root, nor touch them', () => {
    prepare()
    writeFileSync(join(stateDir, 'ca.pem'), CORPORATE)
    expect(read(prepare().files.ca)).toBe(ROOT)
    expect(read(join(stateDir, 'ca.pem'))).toBe(CORPORATE)
  })

  it('keep what the user trusted, for each variable what it named', () => {
    const { files } = prepare({ SSL_CERT_FILE: corporate, NODE_EXTRA_CA_CERTS: corporate })
    const both = CORPORATE + ROOT
    expect(read(files.nodeCa)).toBe(both)
    expect(read(files.bundles.SSL_CERT_FILE)).toBe(both)
    // curl looks there too; requests does not.
    expect(read(files.bundles.CURL_CA_BUNDLE)).toBe(both)
    expect(read(files.bundles.REQUESTS_CA_BUNDLE)).not.toContain(CORPORATE)
    expect(read(prepare({ CURL_CA_BUNDLE: corporate }).files.bundles.REQUESTS_CA_BUNDLE)).toBe(both)
    expect(read(corporate)).toBe(CORPORATE)
  })

  it('are made once, and are no more for a bot that starts a bot', () => {
    const { files } = prepare({ SSL_CERT_FILE: corporate, NODE_EXTRA_CA_CERTS: corporate })
    const made = readdirSync(join(stateDir, 'exec')).sort()
    expect(prepare({ SSL_CERT_FILE: corporate, NODE_EXTRA_CA_CERTS: corporate }).files).toEqual(files)
    expect(prepare({ ...files.bundles, NODE_EXTRA_CA_CERTS: files.nodeCa }).files).toEqual(files)
    expect(readdirSync(join(stateDir, 'exec')).sort()).toEqual(made)
  })

  it('can be read by a bot of another user, in a directory that lets it in', () => {
    expect(statSync(prepare().files.ca).mode & 0o777).toBe(0o644)
  })

  it('tell wget, unless it is told something already', () => {
    expect(read(String(prepare().files.wgetrc))).toBe(`ca_certificate = ${prepare().files.ca}\n`)
    expect(prepare({ WGETRC: '/mine' }).files.wgetrc).toBeUndefined()
    writeFileSync(join(dir, '.wgetrc'), 'http_password = mine\n')
    expect(prepare({ HOME: dir }).files.wgetrc).toBeUndefined()
  })

  it('do without a file that can not be read, and say so', () => {
    const { files, notes } = prepare({ REQUESTS_CA_BUNDLE: join(dir, 'missing.pem') })
    expect(read(files.bundles.REQUESTS_CA_BUNDLE).endsWith(ROOT)).toBe(true)
    expect(notes).toEqual([expect.stringMatching(/^REQUESTS_CA_BUNDLE: .*missing\.pem can not be read/)])
  })
})
