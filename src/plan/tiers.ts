// The same limits.yaml with another tier: which words there are is read from the file, and the rules are loaded anew.

import { loadRules } from '../config/load.ts'
import { parseYaml } from '../config/yaml.ts'
import type { Rules } from '../core/rules.ts'
import { asObject, type Fields } from './record.ts'

/** Rules as they would be. */
export interface OtherTier {
  readonly exchange: string
  readonly tier: string
  readonly rules: Rules
}

/** Every tier that an exchange could have and has not; none where nothing depends on it. */
export const otherTiers = (text: string, env: Readonly<Record<string, string | undefined>>): readonly OtherTier[] => {
  const limits = asObject(parseYaml(text).value) ?? {}
  const exchanges = asObject(limits.exchanges) ?? {}
  return Object.entries(exchanges).flatMap(([exchange, value]) => {
    const config = asObject(value)
    const own = config?.tier
    if (config === undefined || typeof own !== 'string') return []
    return [...wordsBeside(own, config)].flatMap((tier) => {
      const changed = { ...limits, exchanges: { ...exchanges, [exchange]: { ...config, tier } } }
      // JSON is YAML (YAML 1.2, chapter 1), so the rules go the way that every limits.yaml goes.
      const loaded = loadRules(JSON.stringify(changed), 'limits.yaml', env)
      return loaded.ok ? [{ exchange, tier, rules: loaded.rules }] : []
    })
  })
}

/** Words that stand beside `word` where a value is given per word, in the order of the file. */
const wordsBeside = (word: string, value: unknown, found = new Set<string>()): ReadonlySet<string> => {
  const fields = asObject(value)
  if (fields === undefined) return found
  if (word in fields && Object.values(fields).every(isLeaf)) {
    for (const other of Object.keys(fields)) if (other !== word) found.add(other)
  }
  for (const inner of Object.values(fields)) wordsBeside(word, inner, found)
  return found
}

const isLeaf = (value: Fields[string]): boolean => typeof value === 'number' || typeof value === 'string'
