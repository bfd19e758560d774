// What Prometheus and Grafana are given must fit what weir says: every metric that a rule or a panel names is on /metrics of a
// weir that has seen traffic, and the rules do what they say.

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { dashboardQueries } from '../../scripts/grafana.ts'
import { shippedLimits } from '../support/weir.ts'
import { openScene } from '../system/scene.ts'
import { krakenPoster } from '../system/sign.ts'
import { findPromtool } from './promtool.ts'

const DEPLOY = new URL('../../deploy/', import.meta.url)
const text = (name: string): string => readFileSync(new URL(name, DEPLOY), 'utf8')
const path = (name: string): string => fileURLToPath(new URL(name, DEPLOY))

interface RuleFile {
  readonly groups: readonly { readonly rules: readonly { readonly record?: string; readonly expr: string }[] }[]
}

const rules = [text('alerts.yml'), text('recording.yml')].flatMap((yaml) =>
  (parse(yaml) as RuleFile).groups.flatMap((group) => group.rules),
)
const recorded = rules.flatMap(({ record }) => (record === undefined ? [] : [record]))
const queries = [...rules.map(({ expr }) => expr), ...dashboardQueries()]

/** Names of series in an expression: with a colon those that rules record. */
const namesIn = (expr: string): readonly string[] =>
  expr.match(/\b(?:weir_|process_|nodejs_|exchange\w*:)[\w:]+/g) ?? []

/** Selectors and groupings: which labels an expression expects. */
const labelsIn = (expr: string): readonly string[] => [
  ...[...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, labels = '']) =>
    labels.split(',').map((label) => label.trim()),
  ),
  ...[...expr.matchAll(/(\w+)=~?"/g)].map(([, label = '']) => label),
]

/** Only weirs that share a Redis have these. */
const NEEDS_REDIS = /^weir_store_/
/** Given by the scrape, not by weir. */
const OF_THE_SCRAPE = new Set(['job', 'instance', 'le'])

/** Loudly undefined: what needs it is shown as skipped. */
const promtool = findPromtool()
const run = (args: readonly string[], input = '') => {
  const { status, stdout, stderr } = spawnSync(promtool ?? '', args, { input, encoding: 'utf8' })
  return { status, stderr, said: stdout + stderr }
}

/** What a weir that has seen something tells Prometheus; asked for once. */
let told: Promise<string> | undefined
const exposition = (): Promise<string> => {
  told ??= (async () => {
    const inShadow = { "/0/public/Time', kind: read,": "/0/public/Time', kind: read, enforce: shadow," }
    const { weir, bot, exchange } = await openScene({ config: await shippedLimits(inShadow) })
    const post = krakenPoster(exchange.krakenKey('deploy'))
    await bot.send({ path: '/0/public/Ticker?pair=XBTUSD' })
    await bot.send({ path: '/0/public/Time' })
    await bot.send(post('Balance'))
    exchange.fault({ kind: 'answer', status: 503, body: '', times: 5 })
    for (let call = 0; call < 6; call += 1) await bot.send(post('Balance'))
    return (await fetch(`${weir.admin}/metrics`)).text()
  })()
  return told
}

describe('Prometheus and Grafana', { timeout: 90_000 }, () => {
  it('are asked for nothing that a running weir does not say', async () => {
    const metrics = await exposition()
    const described = new Set([...metrics.matchAll(/^# TYPE (\S+)/gm)].map(([, name = '']) => name))
    const series = new Map<string, Set<string>>()
    for (const [, name = '', labels = ''] of metrics.matchAll(/^(\w+)(?:\{(.*)\})? \S+$/gm)) {
      const known = series.get(name) ?? new Set()
      for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) known.add(label)
      series.set(name, known)
    }
    const named = new Set(queries.flatMap(namesIn))
    expect(named.size).toBeGreaterThan(15)
    const unknown = [...named].filter((name) => {
      if (name.includes(':')) return !recorded.includes(name)
      return NEEDS_REDIS.test(name) ? !described.has(name) : !series.has(name)
    })
    expect(unknown).toEqual([])
    for (const expr of queries) {
      const given = new Set(namesIn(expr).flatMap((name) => [...(series.get(name) ?? [])]))
      if (namesIn(expr).some((name) => name.includes(':') || NEEDS_REDIS.test(name))) continue
      const wanted = labelsIn(expr).filter((label) => !OF_THE_SCRAPE.has(label))
      expect(
        wanted.filter((label) => !given.has(label)),
        expr,
      ).toEqual([])
    }
  })

  it.skipIf(promtool === undefined)('are told names and helps as Prometheus wants them', async () => {
    const { stderr } = run(['check', 'metrics'], await exposition())
    expect(stderr.split('\n').filter((line) => line.startsWith('weir_'))).toEqual([])
  })

  it.skipIf(promtool === undefined)('have rules that do what they say', () => {
    const checked = run(['check', 'rules', path('alerts.yml'), path('recording.yml')])
    expect(checked.status, checked.said).toBe(0)
    const tested = run(['test', 'rules', fileURLToPath(new URL('rules.test.yml', import.meta.url))])
    expect(tested.status, tested.said).toBe(0)
  })
})
