import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AuthorityError, domainsOf, hostName, nameConstraints, permits } from '../../src/tls/constraints.ts'

const label = fc.stringMatching(/^[a-z][a-z0-9]{0,20}$/)
const host = fc.array(label, { minLength: 1, maxLength: 5 }).map((labels) => labels.join('.'))

describe('host names', () => {
  it.each([
    ['API.Kraken.com', 'api.kraken.com'],
    ['api.kraken.com.', 'api.kraken.com'],
    ['Bücher.example', 'xn--bcher-kva.example'],
    ['localhost', 'localhost'],
    ['my_exchange.test', 'my_exchange.test'],
  ])('%s is compared as %s', (text, name) => {
    expect(hostName(text)).toBe(name)
  })

  it.each([
    '',
    '.',
    'a..b',
    '.a',
    'api.kraken.com..',
    '*.kraken.com',
    '127.0.0.1',
    '0x7f.1',
    '::1',
    '[::1]',
    'a b',
    'k.com:443',
    'k.com/x',
    'a%41.com',
    '-a.com',
    'a-.com',
    `${'x'.repeat(64)}.com`,
    Array(64).fill('abc').join('.'),
    'a\0b',
    'a\nb',
  ])('%j is refused', (text) => {
    expect(() => hostName(text)).toThrow(AuthorityError)
  })

  it('whatever a client sends as server name is normalised to a fixed point or refused', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        let name: string
        try {
          name = hostName(text)
        } catch (error) {
          return error instanceof AuthorityError
        }
        return hostName(name) === name && /^[a-z0-9._-]{1,253}$/.test(name)
      }),
      { numRuns: 2_000 },
    )
  })

  it('lists a name with all domains above it', () => {
    expect(domainsOf('a.b.com')).toEqual(['a.b.com', 'b.com', 'com'])
  })
})

describe('name constraints', () => {
  it('are the DER of RFC 5280: permitted names, then all addresses excluded', () => {
    const [ipv4, ipv6] = ['00'.repeat(8), '00'.repeat(32)]
    const expected = `303b a007 3005 8203 612e62 a130 300a 8708 ${ipv4} 3022 8720 ${ipv6}`
    expect(Buffer.from(nameConstraints(['a.b'])).toString('hex')).toBe(expected.replaceAll(' ', ''))
  })

  it('permit the configured hosts and their sub-domains, and nothing else', () => {
    fc.assert(
      fc.property(fc.array(host, { minLength: 1, maxLength: 40 }), host, label, (hosts, other, sub) => {
        const bytes = nameConstraints(hosts)
        const isAllowed = domainsOf(other).some((domain) => hosts.includes(domain))
        return (
          hosts.every((one) => permits(bytes, one) && permits(bytes, `${sub}.${one}`)) &&
          permits(bytes, other) === isAllowed
        )
      }),
    )
  })

  it('do not permit a name that merely ends like a configured one', () => {
    const bytes = nameConstraints(['kraken.com'])
    expect(permits(bytes, 'notkraken.com')).toBe(false)
    expect(permits(bytes, 'com')).toBe(false)
  })
})
