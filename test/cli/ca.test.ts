import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { caText } from '../../src/cli/ca-text.ts'
import { openAuthority } from '../../src/tls/authority.ts'

describe('weir ca', () => {
  it('names the certificate, its end and its hosts, in lines that a shell takes for comments', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'weir-ca-'))
    try {
      const now = Date.UTC(2026, 0, 1)
      const { caPem, notAfter } = await openAuthority({ dir, hosts: ['api.kraken.com'], now: () => now })
      const [fingerprint, end, host, last] = caText(caPem, ['api.kraken.com'], now).split('\n')
      expect(fingerprint).toMatch(/^# SHA-256: (?:[0-9A-F]{2}:){31}[0-9A-F]{2}$/)
      expect(end).toBe(`# Valid until ${notAfter.toISOString().slice(0, 10)}, for these hosts only:`)
      expect([host, last]).toEqual(['#   api.kraken.com', ''])
      const late = notAfter.getTime() - 10 * 86_400_000
      expect(caText(caPem, [], late)).toContain('(in 10 days: after that, bots must trust a new one)')
    } finally {
      rmSync(dir, { recursive: true })
    }
  })
})
