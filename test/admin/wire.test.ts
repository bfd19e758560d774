import { describe, expect, it } from 'vitest'
import { fromWire, toWire } from '../../src/admin/wire.ts'

describe('views on the wire', () => {
  it('have keys in snake_case, hosts as they are, and no noise of binary fractions', () => {
    const view = { openForMs: 8271.799820575752, hosts: { 'api.kraken.com': [{ lastError: undefined }] } }
    expect(toWire(view)).toEqual({ open_for_ms: 8271.8, hosts: { 'api.kraken.com': [{ last_error: undefined }] } })
  })

  it('come back as they went', () => {
    const view = { fullInMs: 1, reasons: ['half_open'], nested: { refillPerSecond: 0.333, none: null } }
    expect(fromWire(toWire(view))).toEqual(view)
  })
})
