// The flags that belong to `weir exec` and `weir env` rather than to weir's settings.

import { parseArgs } from 'node:util'

/** What was asked for. */
export interface LaunchFlags {
  /** The bot's name; undefined = unnamed, or what the command is called. */
  readonly name: string | undefined
  readonly hooks: boolean
  readonly java: boolean
  /** `exec` only: a weir for this command alone. */
  readonly own: boolean
  /** `env` only. */
  readonly format: string | undefined
}

/** Takes them out of `args`; the `rest` is for `readSettings`. */
export const takeLaunchFlags = (
  args: readonly string[],
): { readonly flags: LaunchFlags; readonly rest: readonly string[] } => {
  const { tokens } = parseArgs({ args: [...args], options: OPTIONS, strict: false, tokens: true })
  const rest: (string | undefined)[] = [...args]
  const values = new Map<string, string | undefined>()
  for (const token of tokens) {
    if (token.kind !== 'option' || !(token.name in OPTIONS)) continue
    values.set(token.name, token.value)
    rest[token.index] = undefined
    if (token.value !== undefined && !token.inlineValue) rest[token.index + 1] = undefined
  }
  return {
    flags: {
      name: values.get('name'),
      hooks: !values.has('no-hooks'),
      java: values.has('java'),
      own: values.has('own'),
      format: values.get('format'),
    },
    rest: rest.filter((word) => word !== undefined),
  }
}

const OPTIONS = {
  name: { type: 'string' },
  format: { type: 'string' },
  'no-hooks': { type: 'boolean' },
  java: { type: 'boolean' },
  own: { type: 'boolean' },
} as const
