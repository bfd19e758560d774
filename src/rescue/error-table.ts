// The table of refusals and failures as the README prints it. A test compares the two.

import { ERRORS, type ErrorCode, WeirError } from '../core/errors.ts'
import { word } from './wording.ts'

/** All codes as a Markdown table, in the order of `ERRORS`. */
export const errorTable = (): string => {
  const rows = (Object.keys(ERRORS) as ErrorCode[]).map((code) => {
    const { status, when, advice } = ERRORS[code]
    return `| \`${code}\` | ${status} | ${krakenCell(code)} | ${when} | ${advice} |`
  })
  return ['| code | status | at Kraken | when | what to do |', '|---|---|---|---|---|', ...rows, ''].join('\n')
}

const krakenCell = (code: ErrorCode): string => {
  const exchange = { dialect: 'kraken', refusalStatus: undefined } as const
  const { status, fields } = word(new WeirError(code), { exchange, rule: undefined, wallMs: 0 })
  return `${status} \`${String(fields.error)}\``
}
