// A plan for people: one screen, the answer first.

import type { BucketPlan, CachePlan, ClassPlan, ExchangePlan, PlanReport, Scoped } from '../plan/report.ts'
import { amount, counted, percent, span } from './words.ts'

/** Rows shown of each table; the rest is counted. */
const ROWS = 8

/** The whole screen, ending in a line feed. */
export const planText = (file: string, report: PlanReport): string => {
  const { calls, exchanges, replay, spanMs, buckets, classes, cache, advice, notes } = report
  const sections = [
    headline(file, report),
    section('All at once, at the limits (round trips not counted)', exchanges.flatMap(exchangeRows)),
    section('As it was asked', replay === undefined ? [] : replayRows(replay)),
    section(`Buckets, in ${span(spanMs)}`, table(buckets, bucketCells, 'bucket')),
    section('Classes', table(classes, classCells, 'class', 'classes')),
    section('Cache', calls === 0 ? [] : cacheRows(cache, report.totalMs)),
    section('Advice', advice),
    section('Notes', notes),
  ]
  return sections.filter((text) => text !== '').join('\n')
}

const headline = (file: string, { format, calls, keys, elsewhere }: PlanReport): string => {
  const whose = keys === 0 ? '' : `, ${counted(keys, 'key')}`
  const head = `${file} (${format}): ${counted(calls, 'call')} to exchanges${whose}\n`
  if (elsewhere.length === 0) return head
  const hosts = elsewhere.slice(0, 3).map((one) => `${one.host} ${one.calls}`)
  const more = elsewhere.length > 3 ? [`${elsewhere.length - 3} more hosts`] : []
  return `${head}  none of weir's, left out: ${[...hosts, ...more].join(', ')}\n`
}

const section = (title: string, rows: readonly string[]): string =>
  rows.length === 0 ? '' : `${title}\n${rows.map((row) => `  ${row}\n`).join('')}`

const exchangeRows = ({ exchange, calls, totalMs, binds, tiers }: ExchangePlan): readonly string[] => {
  const why = binds === undefined ? '' : `; ${placeText(binds)} binds`
  const others = tiers.map(({ tier, totalMs: other }) =>
    other === totalMs ? `with tier ${tier}: the same` : `with tier ${tier}: ${span(other)} instead of ${span(totalMs)}`,
  )
  if (totalMs === 0) return [`${exchange}: ${counted(calls, 'call')}, and nothing waits`]
  return [`${exchange}: ${span(totalMs)} for ${counted(calls, 'call')}${why}`, ...others.map((row) => `  ${row}`)]
}

const replayRows = (replay: NonNullable<PlanReport['replay']>): readonly string[] => {
  const { askedMs, tookMs, sent, answered, waited, meanWaitMs, p99WaitMs, longestWaitMs, refused, refusals } = replay
  const waits =
    waited === 0
      ? 'none'
      : `${counted(waited, 'call')}; mean ${span(meanWaitMs)}, p99 ${span(p99WaitMs)}, longest ${span(longestWaitMs)}`
  const why = refusals.slice(0, 3).map(({ code, class: id, calls }) => `${calls} ${id} ${code}`)
  return [
    `took     ${span(askedMs)}; through weir ${span(tookMs)}`,
    `sent     ${counted(sent, 'call')}${answered === 0 ? '' : `; ${answered} more answered from the cache, as limits.yaml has it`}`,
    `waits    ${waits}`,
    `refused  ${refused === 0 ? 'none' : `${refused}: ${why.join(', ')}${refusals.length > 3 ? ', …' : ''}`}`,
  ]
}

const bucketCells = (bucket: BucketPlan): readonly string[] => [
  placeText(bucket),
  counted(bucket.calls, 'call'),
  `cost ${amount(bucket.cost)}`,
  `${percent(bucket.used)} used`,
  `${span(bucket.aloneMs)} alone${bucket.binds ? ', binds' : ''}`,
]

const classCells = ({ class: id, calls, costs }: ClassPlan): readonly string[] => [
  id,
  counted(calls, 'call'),
  costs.length === 0
    ? 'not limited'
    : costs.map(({ bucket, cost, share }) => `${amount(cost)} from ${bucket} (${percent(share)})`).join(', '),
]

const cacheRows = ({ asked, different, savings }: CachePlan, totalMs: number): readonly string[] => {
  if (asked === 0) return []
  if (savings.length === 0) return [`of ${counted(asked, 'public GET')} ${asked - different} ask what was asked before`]
  return savings.map(({ freshMs, saved, totalMs: then }) => {
    const which = freshMs === undefined ? 'as limits.yaml has it' : `of ${span(freshMs)}`
    const faster = then < totalMs ? `; all at once ${span(then)} instead of ${span(totalMs)}` : ''
    return `${which} saves ${saved} of ${counted(asked, 'public GET')} (${percent(saved / asked)})${faster}`
  })
}

const placeText = ({ bucket, scope }: Scoped): string => `${bucket} ${scope}`

/** Cells in columns; numbers begin where the row above begins. */
const table = <Row>(
  rows: readonly Row[],
  cells: (row: Row) => readonly string[],
  one: string,
  many = `${one}s`,
): string[] => {
  const shown = rows.slice(0, ROWS).map(cells)
  const widths = (shown[0] ?? []).map((_, column) => Math.max(...shown.map((row) => row[column]?.length ?? 0)))
  const lines = shown.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  return rows.length > ROWS ? [...lines, `and ${counted(rows.length - ROWS, `more ${one}`, `more ${many}`)}`] : lines
}
