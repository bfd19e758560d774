// Whatever is done to limits.yaml, loading it never throws: it gives rules, or issues that point into the file.

import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { formatIssues } from '../../src/config/issues.ts'
import { loadRules } from '../../src/config/load.ts'

const SHIPPED = readFileSync(new URL('../../limits.yaml', import.meta.url), 'utf8')
const LINES = SHIPPED.split('\n').length

/** Slips of an editor, each at a place between 0 and 1 of the file. */
const place = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true })
const slip = fc.oneof(
  fc.record({ kind: fc.constant('drop a line' as const), at: place, text: fc.constant('') }),
  fc.record({ kind: fc.constant('drop a character' as const), at: place, text: fc.constant('') }),
  fc.record({
    kind: fc.constant('write' as const),
    at: place,
    text: fc.constantFrom('{', ']', ':', '- ', '\t', "'", '0', 'null', '~'),
  }),
  fc.record({
    kind: fc.constant('put for a value' as const),
    at: place,
    text: fc.constantFrom('', '[]', '{}', '-1', 'x', '1e9', '*a'),
  }),
)

const mangled = (slips: readonly { readonly kind: string; readonly at: number; readonly text: string }[]): string =>
  slips.reduce((text, { kind, at, text: other }) => {
    const lines = text.split('\n')
    const row = Math.floor(at * lines.length)
    const offset = Math.floor(at * text.length)
    if (kind === 'drop a line') return lines.toSpliced(row, 1).join('\n')
    if (kind === 'drop a character') return text.slice(0, offset) + text.slice(offset + 1)
    if (kind === 'write') return text.slice(0, offset) + other + text.slice(offset)
    return lines.with(row, (lines[row] ?? '').replace(/:(?: .*)?$/, `: ${other}`)).join('\n')
  }, SHIPPED)

it('gives rules, or issues that point into the file', () => {
  fc.assert(
    fc.property(fc.array(slip, { minLength: 1, maxLength: 4 }), (slips) => {
      const text = mangled(slips)
      const loaded = loadRules(text, 'limits.yaml', {})
      if (loaded.ok) {
        expect(loaded.rules.hosts.size).toBeGreaterThan(0)
        return
      }
      expect(loaded.issues.length).toBeGreaterThan(0)
      for (const { line, column, message } of loaded.issues) {
        expect(line).toBeGreaterThanOrEqual(1)
        expect(line).toBeLessThanOrEqual(LINES + 4)
        expect(column).toBeGreaterThanOrEqual(1)
        expect(message).not.toMatch(/Invalid|undefined|\[object|something else/)
      }
      expect(formatIssues(loaded.issues, text)).toMatch(/\d+ problems?\. Nothing was changed\.\n$/)
    }),
    { numRuns: 100 },
  )
}, 60_000)
