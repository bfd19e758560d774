// Traces for tests, written as JSON lines, and what becomes of them.

import type { Rules } from '../../src/core/rules.ts'
import { Fingerprints } from '../../src/identify/credential.ts'
import { type Gathered, gather } from '../../src/plan/calls.ts'
import { plan } from '../../src/plan/plan.ts'
import type { PlanReport } from '../../src/plan/report.ts'
import type { OtherTier } from '../../src/plan/tiers.ts'
import { openTrace } from '../../src/plan/trace.ts'
import { settled } from '../support/fake-clock.ts'

/** One line, in short. */
export interface Line {
  readonly method?: string
  readonly url: string
  readonly body?: string
  readonly at?: number | string
  readonly key?: string
}

/** A private call to Kraken, signed with that key. */
export const kraken = (name: string, body = '', key = 'KEY', rest: Partial<Line> = {}): Line => ({
  ...{ method: 'POST', url: `https://api.kraken.com/0/private/${name}`, body, key },
  ...rest,
})

/** `count` lines, each by its number. */
export const times = (count: number, line: (index: number) => Line): readonly Line[] =>
  Array.from({ length: count }, (_, index) => line(index))

/** What is read from these chunks of a file. */
export const read = async (
  chunks: readonly string[],
  rules: Rules,
): Promise<Gathered & { readonly format: string }> => {
  const { format, items } = await openTrace(streamOf(chunks))
  return { format, ...(await gather(items, rules, new Fingerprints(Buffer.from('thrown away')))) }
}

/** The plan for these lines. */
export const planOf = async (
  lines: readonly Line[],
  rules: Rules,
  others: readonly OtherTier[] = [],
): Promise<PlanReport> => {
  const trace = await read([lines.map(lineText).join('\n')], rules)
  return plan({ format: 'JSON lines', trace, rules, others, turn: settled })
}

const lineText = ({ key, ...line }: Line): string =>
  JSON.stringify(key === undefined ? line : { ...line, headers: { 'API-Key': key } })

async function* streamOf(chunks: readonly string[]): AsyncGenerator<string> {
  yield* chunks
}
