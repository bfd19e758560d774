// What is wrong with limits.yaml or the environment, and how it is shown: all of it at once, each with its place,
// the line it is on, and a way out. Key ids never show: lines inside `accounts` are not quoted.

/** One thing that keeps the rules from being used. */
export interface Issue {
  /** File name, or `environment` or `command line`. */
  readonly file: string
  /** From 1; undefined when the issue is not in a file. */
  readonly line: number | undefined
  readonly column: number | undefined
  /** How many characters are at fault, from the column on. */
  readonly length: number
  /** `exchanges.kraken.buckets.private`, or the name of a variable or flag; empty for the file itself. */
  readonly path: string
  readonly message: string
  /** What to do, when the message does not say it already. */
  readonly hint: string | undefined
}

/** An issue of a variable or flag. */
export const issueOutside = (file: string, path: string, message: string, hint?: string): Issue => ({
  file,
  line: undefined,
  column: undefined,
  length: 0,
  path,
  message,
  hint,
})

/** All issues for a person to read, ending in a count. `text` is the file they are in. */
export const formatIssues = (issues: readonly Issue[], text: string): string => {
  const lines = text.split('\n')
  const sorted = [...issues].sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0))
  const width = Math.max(...sorted.map((issue) => where(issue).length)) + 2
  const shown = sorted.map((issue) => {
    const place = issue.path === '' ? '' : `${issue.path}: `
    const head = `${where(issue).padEnd(width)}${place}${issue.message}`
    const hint = issue.hint === undefined ? [] : [`${' '.repeat(width)}${issue.hint}`]
    return [head, ...frame(issue, lines), ...hint].join('\n')
  })
  const count = issues.length === 1 ? '1 problem' : `${issues.length} problems`
  return `${shown.join('\n')}\n${count}. Nothing was changed.\n`
}

const where = ({ file, line, column }: Issue): string => (line === undefined ? file : `${file}:${line}:${column}`)

const frame = ({ line, column, length, path }: Issue, lines: readonly string[]): readonly string[] => {
  const source = line === undefined ? undefined : lines[line - 1]?.trimEnd()
  if (source === undefined || column === undefined || /(^|\.)accounts\b/.test(path)) return []
  const number = String(line).padStart(5)
  const carets = '^'.repeat(Math.max(1, Math.min(length, source.length - column + 1)))
  return [`${number} | ${source}`, `      | ${' '.repeat(column - 1)}${carets}`]
}
