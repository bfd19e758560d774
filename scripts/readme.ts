// The tables of README.md that are printed from the code: `node scripts/readme.ts` writes them between their markers.
// A test fails when they differ.

import { readFileSync, writeFileSync } from 'node:fs'
import type { AdminDeps } from '../src/admin/deps.ts'
import type { Events } from '../src/admin/events.ts'
import { createRoutes } from '../src/admin/routes.ts'
import { FLAGS, VARIABLES } from '../src/config/flags.ts'
import { limitsReference } from '../src/config/reference.ts'
import { METRICS } from '../src/observe/metrics.ts'
import { errorTable } from '../src/rescue/error-table.ts'

const README = new URL('../README.md', import.meta.url)
const SECTION = /(<!-- printed: (\w+) -->\n).*?(\n<!-- end -->)/gs

/** The README as it stands. */
export const readReadme = (): string => readFileSync(README, 'utf8')

/** `text` with every printed section as the code has it now. Throws on a marker that names no table. */
export const withTables = async (text: string): Promise<string> => {
  const tables = await printTables()
  return text.replace(SECTION, (_all, head: string, name: string, tail: string) => {
    const table = tables.get(name)
    if (table === undefined) throw new Error(`README.md: no table "${name}"`)
    return `${head}\n${table.trim()}\n${tail}`
  })
}

/** Every table by name. */
export const printTables = async (): Promise<ReadonlyMap<string, string>> =>
  new Map([
    ['limits', limitsReference()],
    ['errors', errorTable()],
    ['metrics', metricsTable()],
    ['settings', settingsTable()],
    ['admin', await adminTable()],
  ])

const metricsTable = (): string =>
  table(
    ['metric', 'type', 'labels', 'meaning'],
    Object.entries(METRICS).map(([name, { type, labels, help }]) => [
      code(`weir_${name}`),
      type,
      labels.map(code).join(' '),
      help,
    ]),
  )

const settingsTable = (): string =>
  table(
    ['flag', 'variable', 'default', 'meaning'],
    [
      ...FLAGS.map((flag) => [
        code(`--${flag.flag} ${flag.value}`),
        flag.variable === undefined ? '' : code(flag.variable),
        flag.default === undefined ? '' : code(flag.default),
        flag.many ? `${flag.meaning} May be given several times, in the variable with commas.` : flag.meaning,
      ]),
      ...VARIABLES.map(({ variable, meaning }) => ['', code(variable), '', meaning]),
    ],
  )

/** The pages as the admin port itself lists them. */
const adminTable = async (): Promise<string> => {
  const ask = createRoutes({} as AdminDeps, {} as Events)
  const { body } = await ask({
    method: 'GET',
    path: '/',
    query: new URLSearchParams(),
    wantsText: true,
    body: '',
    headers: {},
  })
  const rows = String(body).trimEnd().split('\n')
  return table(
    ['path', 'shows'],
    rows.map((row) => [code(row.slice(0, row.indexOf(' '))), row.slice(row.indexOf(' ')).trim()]),
  )
}

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n')

const code = (text: string): string => `\`${text}\``

if (import.meta.main) writeFileSync(README, await withTables(readReadme()))
