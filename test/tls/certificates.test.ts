// What the verifiers that bots use make of our certificates: OpenSSL, Node, Python's strict mode, Java.

import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect, createSecureContext } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { openAuthority } from '../../src/tls/authority.ts'
import { issueLeaf } from '../../src/tls/certificates.ts'
import { Leaves } from '../../src/tls/leaves.ts'
import { openCommand } from '../clients/needs.ts'
import { DAY_MS, newStateDir, run, serve, stealLeaf } from './fixture.ts'

const HOST = 'api.kraken.com'
const [hasPython, hasJava] = [
  await openCommand(['python3', '--version'], ['python3']),
  await openCommand(['keytool', '-help'], ['default-jdk-headless']),
]
const javaClient = new URL('./Client.java', import.meta.url).pathname

async function newAuthority(hosts: readonly string[] = [HOST]) {
  const dir = await newStateDir()
  const at = Date.now()
  const authority = await openAuthority({ dir, hosts, now: () => at })
  return { dir, at, authority, ca: join(dir, 'ca.pem'), chain: join(dir, 'ca-chain.pem') }
}

const opensslVerify = (ca: string, chain: string, leaf: string, ...more: string[]) =>
  run('openssl', ['verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', ca, '-untrusted', chain, ...more, leaf])

/** A TLS handshake by Node that trusts `ca.pem` alone; what it was refused for, or `ok`. */
async function nodeVerdict(port: number, host: string, ca: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, servername: host, ca: await readFile(ca) })
  const verdict = await new Promise<string>((resolve) => {
    socket.once('secureConnect', () => resolve('ok'))
    socket.once('error', (error) => resolve(error.message))
  })
  socket.destroy()
  return verdict
}

/** Serves what a thief made with `ca.key` for another name. */
async function serveStolen(dir: string, san: string): Promise<number> {
  const stolen = await stealLeaf(dir, 'stolen', san)
  const cert = (await readFile(stolen.chain, 'utf8')) + (await readFile(join(dir, 'ca-chain.pem'), 'utf8'))
  const context = createSecureContext({ cert, key: await readFile(stolen.key) })
  return await serve({ contextFor: () => context })
}

describe('a leaf', () => {
  it('has the fields that strict verifiers ask for, and no more', async () => {
    const { dir, at, authority, chain } = await newAuthority()
    const leaf = await authority.leafFor(HOST)
    await writeFile(join(dir, 'leaf.pem'), leaf.chain)
    const text = await run('openssl', ['x509', '-in', join(dir, 'leaf.pem'), '-noout', '-text'])
    const extensions = /X509v3 extensions:\n([\s\S]+?)\n {4}Signature/.exec(text.output)?.[1] ?? ''
    const issuer = await run('openssl', ['x509', '-in', chain, '-noout', '-ext', 'subjectKeyIdentifier'])
    const issuerId = /(?:[0-9A-F]{2}:){19}[0-9A-F]{2}/.exec(issuer.output)?.[0]
    expect(extensions.split('\n').map((line) => line.trim())).toEqual([
      'X509v3 Basic Constraints: critical',
      'CA:FALSE',
      'X509v3 Key Usage: critical',
      'Digital Signature',
      'X509v3 Extended Key Usage:',
      'TLS Web Server Authentication',
      'X509v3 Subject Alternative Name:',
      `DNS:${HOST}`,
      'X509v3 Authority Key Identifier:',
      issuerId,
    ])
    const parsed = new X509Certificate(leaf.chain)
    const second = Math.floor(at / 1000) * 1000
    expect(parsed.validFromDate.getTime()).toBe(second - DAY_MS)
    expect(parsed.validToDate.getTime()).toBe(second + 45 * DAY_MS)
    expect([leaf.notBefore, leaf.notAfter]).toEqual([parsed.validFromDate, parsed.validToDate])
  })

  it('has a positive random serial of 16 bytes, and the one key of the process', async () => {
    const { authority } = await newAuthority()
    const leaves = await Promise.all(Array.from({ length: 40 }, () => authority.leafFor(HOST)))
    const serials = leaves.map(({ chain }) => new X509Certificate(chain).serialNumber)
    expect(new Set(serials).size).toBe(40)
    for (const serial of serials) expect(serial).toMatch(/^[4-7][0-9A-F]{31}$/)
    expect(new Set(leaves.map(({ key }) => key)).size).toBe(1)
  })

  it('is issued for a configured host in any spelling and its sub-domains; any other name is refused', async () => {
    const { authority } = await newAuthority(['api.kraken.com', 'localhost'])
    for (const name of ['API.Kraken.COM.', 'v2.api.kraken.com', 'localhost']) {
      expect((await authority.leafFor(name)).host).toBe(name.toLowerCase().replace(/\.$/, ''))
    }
    for (const name of [
      'kraken.com',
      'xapi.kraken.com',
      'api.kraken.com.evil.test',
      '127.0.0.1',
      '',
      '*.api.kraken.com',
    ]) {
      await expect(authority.leafFor(name)).rejects.toThrow(/is not a (configured host|DNS host name)/)
    }
  })

  it('may be longer than a common name', async () => {
    const host = `${'a'.repeat(60)}.${'b'.repeat(60)}.kraken.com`
    const { dir, authority, ca, chain } = await newAuthority(['kraken.com'])
    await writeFile(join(dir, 'leaf.pem'), (await authority.leafFor(host)).chain)
    expect(await opensslVerify(ca, chain, join(dir, 'leaf.pem'), '-verify_hostname', host)).toMatchObject({ code: 0 })
  })

  it('never outlives the authority, and is refused after its end', async () => {
    const dir = await newStateDir()
    let at = Date.UTC(2026, 0, 1)
    const authority = await openAuthority({ dir, hosts: [HOST], now: () => at })
    at = authority.notAfter.getTime() - 10 * DAY_MS
    expect((await authority.leafFor(HOST)).notAfter).toEqual(authority.notAfter)
    at = authority.notAfter.getTime()
    await expect(authority.leafFor(HOST)).rejects.toThrow('restart weir')
  })
})

describe('OpenSSL, strictly', () => {
  it('accepts a leaf from the root down, and from the intermediate as a partial chain', async () => {
    const { dir, authority, ca, chain } = await newAuthority()
    const leaf = join(dir, 'leaf.pem')
    await writeFile(leaf, (await authority.leafFor(HOST)).chain)
    expect(await opensslVerify(ca, chain, leaf, '-verify_hostname', HOST)).toMatchObject({ code: 0 })
    expect(await opensslVerify(chain, chain, leaf, '-partial_chain')).toMatchObject({ code: 0 })
    expect(await opensslVerify(ca, chain, leaf, '-verify_hostname', 'www.kraken.com')).toMatchObject({ code: 2 })
  })

  it.each([
    ['another domain', 'DNS:bank.example', 'permitted subtree violation'],
    ['a name that ends alike', 'DNS:xapi.kraken.com', 'permitted subtree violation'],
    ['one good name among bad', 'DNS:api.kraken.com,DNS:bank.example', 'permitted subtree violation'],
    ['an IPv4 address', 'IP:127.0.0.1', 'excluded subtree violation'],
    ['an IPv6 address', 'IP:::1', 'excluded subtree violation'],
  ])('refuses what a stolen key signs for %s', async (_, san, reason) => {
    const { dir, ca, chain } = await newAuthority()
    const stolen = await stealLeaf(dir, 'stolen', san)
    expect(await opensslVerify(ca, chain, stolen.chain)).toMatchObject({
      code: 2,
      output: expect.stringContaining(reason),
    })
  })

  it('accepts what a stolen key signs for a configured host: the thief’s tool is not what fails above', async () => {
    const { dir, ca, chain } = await newAuthority()
    const stolen = await stealLeaf(dir, 'stolen', `DNS:${HOST}`)
    expect(await opensslVerify(ca, chain, stolen.chain)).toMatchObject({ code: 0 })
  })

  it('refuses a certificate that a leaf signs', async () => {
    const { dir, authority, ca, chain } = await newAuthority()
    const { chain: leafPem } = await authority.leafFor(HOST)
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const validity = { notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + DAY_MS) }
    const forged = await issueLeaf({
      host: HOST,
      publicKey,
      issuer: { certificate: leafPem, key: privateKey },
      validity,
    })
    const [leaf, child] = [join(dir, 'leaf.pem'), join(dir, 'forged.pem')]
    await writeFile(leaf, leafPem)
    await writeFile(child, forged)
    const verdict = await opensslVerify(ca, chain, child, '-untrusted', leaf)
    expect(verdict.code).toBe(2)
  })
})

describe('over a real connection', () => {
  it('Node trusts ca.pem alone, checks the name, and refuses a stolen name', async () => {
    const { dir, authority, ca } = await newAuthority()
    const port = await serve(new Leaves(authority, Date.now))
    expect(await nodeVerdict(port, HOST, ca)).toBe('ok')
    const stolen = await serveStolen(dir, 'DNS:bank.example')
    expect(await nodeVerdict(stolen, 'bank.example', ca)).toBe('permitted subtree violation')
  })

  it.skipIf(!hasPython)('Python in strict mode does too', async () => {
    const { dir, authority, ca } = await newAuthority()
    const script = [
      'import socket, ssl, sys',
      'context = ssl.create_default_context(cafile=sys.argv[1])',
      'context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN',
      'with socket.create_connection(("127.0.0.1", int(sys.argv[2])), 5) as plain:',
      '  with context.wrap_socket(plain, server_hostname=sys.argv[3]) as secure: print(secure.version())',
    ].join('\n')
    const python = (port: number, host: string) => run('python3', ['-c', script, ca, String(port), host])
    const port = await serve(new Leaves(authority, Date.now))
    expect(await python(port, HOST)).toEqual({ code: 0, output: 'TLSv1.3\n' })
    const stolen = await serveStolen(dir, 'DNS:bank.example')
    expect((await python(stolen, 'bank.example')).output).toContain('permitted subtree violation')
  })

  it.skipIf(!hasJava)(
    'Java does too, which reads the constraints on the intermediate only',
    async () => {
      const { dir, authority, ca } = await newAuthority()
      const store = join(dir, 'truststore')
      await run('keytool', [
        '-importcert',
        '-noprompt',
        '-alias',
        'weir',
        '-file',
        ca,
        '-keystore',
        store,
        '-storepass',
        'changeit',
      ])
      await writeFile(join(dir, 'hosts'), `127.0.0.1 ${HOST} bank.example\n`)
      const java = (port: number, host: string) =>
        run('java', [
          `-Djavax.net.ssl.trustStore=${store}`,
          '-Djavax.net.ssl.trustStorePassword=changeit',
          `-Djdk.net.hosts.file=${join(dir, 'hosts')}`,
          javaClient,
          `https://${host}:${port}/`,
        ])
      expect((await java(await serve(new Leaves(authority, Date.now)), HOST)).output).toContain('status 200')
      const stolen = await serveStolen(dir, 'DNS:bank.example')
      expect((await java(stolen, 'bank.example')).output).toMatch(/refused .*constraint/i)
    },
    180_000,
  )
})
