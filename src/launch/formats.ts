// The table of variables as text, for those who set it themselves. Pure.

import type { Variable } from './variables.ts'

/** Prints rows; `paths` are the files and folders that they lead to. Ends in a line feed. */
type Format = (rows: readonly Variable[], paths: readonly string[]) => string

/** The formats by name. */
export const FORMATS: ReadonlyMap<string, Format> = new Map<string, Format>([
  ['sh', (rows) => lines(rows, ({ name, value }) => `export ${name}=${shellWord(value)}`)],
  ['dotenv', (rows) => lines(rows, ({ name, value }) => `${name}=${dotenvWord(value)}`)],
  ['docker', (rows, paths) => dockerHead(paths) + lines(rows, ({ name, value }) => `${name}=${value}`)],
  [
    'systemd',
    (rows) => `[Service]\n${lines(rows, ({ name, value }) => `Environment=${unitWord(`${name}=${value}`)}`)}`,
  ],
])

/** The reason stands above its line: not every format allows a comment behind a value. */
const lines = (rows: readonly Variable[], print: (row: Variable) => string): string =>
  rows.map((row) => `# ${row.reason}\n${print(row)}\n`).join('')

/** One word for a POSIX shell, quoted only where it needs to be. */
const shellWord = (text: string): string =>
  /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`

/** Single quotes are literal in every dialect; where one is in the text, double quotes with escapes serve. */
const dotenvWord = (text: string): string => {
  if (/^[\w./:@%+=,-]+$/.test(text)) return text
  return text.includes("'") ? `"${text.replace(/[\\"$]/g, '\\$&')}"` : `'${text}'`
}

/** systemd.exec(5): quotes and backslashes are escaped, and `%` begins a specifier. */
const unitWord = (text: string): string => `"${text.replace(/[\\"]/g, '\\$&').replaceAll('%', '%%')}"`

/** `docker run --env-file` takes each line as it is, without quotes. The files are found where the variables say. */
const dockerHead = (paths: readonly string[]): string => {
  const volumes = paths.map((path) => ` \\\n#   --volume ${shellWord(`${path}:${path}:ro`)}`)
  return `# docker run --network host --env-file THIS-FILE${volumes.join('')} \\\n#   IMAGE\n`
}
