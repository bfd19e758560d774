// The rules that ship, and how tests write down what a call costs: `private 4`, `engine 1+8`, `engine (0+8)×n`.

import { readFileSync } from 'node:fs'
import { formatIssues } from '../../src/config/issues.ts'
import { loadRules } from '../../src/config/load.ts'
import type { CostRule, EndpointClass, Rules } from '../../src/core/rules.ts'

const text = readFileSync(new URL('../../limits.yaml', import.meta.url), 'utf8')

/** Rules of limits.yaml as it ships, with these variables set. */
export const shippedRules = (env: Record<string, string> = {}): Rules => {
  const loaded = loadRules(text, 'limits.yaml', env)
  if (!loaded.ok) throw new Error(formatIssues(loaded.issues, text))
  return loaded.rules
}

const rules = shippedRules()

/** The class of a call by the rules that ship. */
export const classOf = (host: string, method: string, path: string): EndpointClass => {
  const found = rules.hosts.get(host)
  if (found === undefined) throw new Error(`no host ${host}`)
  return found.classify(method, path)
}

/** What a class costs, for the youngest of orders. */
export const costsOf = ({ costs }: EndpointClass): string => costs.map(costText).join(', ')

const costText = ({ bucket, fixed, byAge, perOrder }: CostRule): string => {
  const age = byAge.length === 0 ? '' : `+${byAge[0]?.cost}`
  return `${bucket.name} ${perOrder ? `(${fixed}${age})×n` : `${fixed}${age}`}`
}
