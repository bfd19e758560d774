// What is wrong with limits.yaml or the environment, and how it is shown: all of it at once, each with its place,
// the line it is on, and what was probably meant. Secrets never show: lines of `accounts` and `webhook` are not quoted.

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
  /** `did you mean "capacity"?`, `there are: private, public`. */
  readonly hint: string | undefined
}

/** An issue of a variable or flag. */
export const issueOutside = (file: string, path: string, message: string): Issue => ({
  file,
  line: undefined,
  column: undefined,
  length: 0,
  path,
  ...withHint(message),
})

/** Splits `unknown key "x"; did you mean "y"?` at its last semicolon. */
export const withHint = (text: string): Pick<Issue, 'message' | 'hint'> => {
  const [, message, hint] = /^(.*); ((?:did you mean|there are).*)$/s.exec(text) ?? []
  return message === undefined ? { message: text, hint: undefined } : { message, hint }
}

/** All issues for a person to read, ending in a count. `text` is the file they are in; empty when they are in none. */
export const formatIssues = (issues: readonly Issue[], text: string): string => {
  const lines = text.split('\n')
  const sorted = issues.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0))
  const width = Math.max(...sorted.map((issue) => where(issue).length)) + 2
  const shown = sorted.map((issue) => {
    const place = issue.path === '' ? '' : `${issue.path}: `
    const hint = issue.hint === undefined ? '' : `; ${issue.hint}`
    return [`${where(issue).padEnd(width)}${place}${issue.message}${hint}`, ...frame(issue, lines)].join('\n')
  })
  const count = issues.length === 1 ? '1 problem' : `${issues.length} problems`
  return `${shown.join('\n')}\n${count}.${text === '' ? '' : ' Nothing was changed.'}\n`
}

const where = ({ file, line, column }: Issue): string => (line === undefined ? file : `${file}:${line}:${column}`)

/** The line, and carets under what is at fault. */
const frame = ({ line, column, length }: Issue, lines: readonly string[]): readonly string[] => {
  const source = line === undefined ? undefined : lines[line - 1]?.trimEnd()
  if (source === undefined || line === undefined || column === undefined) return []
  if (isSecret(lines, line - 1)) return []
  const carets = '^'.repeat(Math.max(1, Math.min(length, source.length - column + 1)))
  const before = source.slice(0, column - 1).replace(/[^\t]/g, ' ')
  return [`${String(line).padStart(5)} | ${source}`, `      | ${before}${carets}`]
}

/** Whether a line holds such a section or lies within one, judged by indentation: the text may be no YAML. */
const isSecret = (lines: readonly string[], index: number): boolean => {
  let indent = Number.POSITIVE_INFINITY
  for (let at = index; at >= 0; at -= 1) {
    const line = lines[at] ?? ''
    const own = line.search(/\S/)
    if (own === -1 || own >= indent) continue
    if (/\b(?:accounts|webhook)["']?\s*:/.test(line)) return true
    indent = own
  }
  return false
}
