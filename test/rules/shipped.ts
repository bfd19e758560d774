// The rules that ship, and how tests write down what a call costs: of a class `private 4`, `engine 1+8`,
// `engine 0.5×orders`, `derivatives 2|25 by lastFillTime`; of one call `private 1, engine 8`.

import { readFileSync } from 'node:fs'
import { expect } from 'vitest'
import { readFacts } from '../../src/classify/facts.ts'
import { formatIssues } from '../../src/config/issues.ts'
import { loadRules } from '../../src/config/load.ts'
import { type CostRule, type EndpointClass, isGate, type Rules } from '../../src/core/rules.ts'
import { type OrderAges, Pricer } from '../../src/limit/price.ts'
import { aCall } from '../support/build.ts'

const text = readFileSync(new URL('../../limits.yaml', import.meta.url), 'utf8')

/** Rules of limits.yaml as it ships, with these variables set and these words in place of others. */
export const shippedRules = (
  env: Readonly<Record<string, string>> = {},
  changes: Readonly<Record<string, string>> = {},
): Rules => {
  let changed = text
  for (const [from, to] of Object.entries(changes)) {
    if (!changed.includes(from)) throw new Error(`limits.yaml does not say "${from}"`)
    changed = changed.replaceAll(from, to)
  }
  const loaded = loadRules(changed, 'limits.yaml', env)
  if (!loaded.ok) throw new Error(formatIssues(loaded.issues, changed))
  return loaded.rules
}

const rules = shippedRules()

/** The class of a call by the rules that ship. */
export const classOf = (host: string, method: string, path: string, by: Rules = rules): EndpointClass => {
  const found = by.hosts.get(host)
  if (found === undefined) throw new Error(`no host ${host}`)
  return found.classify(method, path)
}

/** What a class costs, for the youngest of orders. Gates have no price. */
export const costsOf = ({ costs }: EndpointClass): string =>
  costs
    .filter(({ bucket }) => !isGate(bucket))
    .map(costText)
    .join(', ')

/** A line of a table of endpoints: the class goes without its exchange, and there may be several paths with spaces between. */
export type EndpointRow = readonly [method: string, name: string, kind: string, cost: string, paths: string]

/** Holds each path of the line against the rules that ship; `base` goes before every path. */
export const expectRow = (at: Readonly<Record<'host' | 'exchange' | 'base', string>>, row: EndpointRow): void => {
  const [method, name, kind, cost, paths] = row
  for (const path of paths.split(' ')) {
    const found = classOf(at.host, method, at.base + path)
    expect([path, found.id, found.kind, costsOf(found)]).toEqual([path, `${at.exchange}.${name}`, kind, cost])
  }
}

const costText = ({ bucket, fixed, each, byParam, byAge }: CostRule): string => {
  const asked = byParam.map(({ name, absent, present }) => `${absent}|${present} by ${name}`)
  const entries = each.map(({ name, cost }) => `${cost}×${name}`)
  const age = byAge.slice(0, 1).map(({ cost }) => cost)
  const whole = fixed > 0 || byAge.length > 0 ? [fixed] : []
  return `${bucket.name} ${[...whole, ...entries, ...asked, ...age].join('+')}`
}

/** A call as a test writes it: `POST /path?query`, and a body. */
export interface Written {
  readonly host: string
  readonly call: string
  readonly body?: string
}

/** What one call takes by these rules from which bucket, when weir has seen no order yet; empty for nothing. */
export const priceOf = ({ host, call, body }: Written, by: Rules = rules): string => {
  const [method = '', target = ''] = call.split(' ')
  const [path = '', query = ''] = target.split('?')
  const asked = aCall({ method, host, path, query, credential: 'key', ...(body !== undefined && { body }) })
  const rule = classOf(host, method, path, by)
  const takes = new Pricer(NO_ORDERS).price({ ...asked, rule, facts: readFacts(asked.request, rule) })
  const paid = takes.filter((take) => !isGate(take.rule))
  return paid.map((take) => `${take.rule.name} ${take.cost}`).join(', ')
}

const NO_ORDERS: OrderAges = { find: () => [], open: () => [], old: () => 0, pairs: () => [], isGone: () => false }
