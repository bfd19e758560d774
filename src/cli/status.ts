// `weir status`: one screen about a running weir, from its admin port. Plain text when piped; on a terminal, colour
// where something is not well.

import type { AlertView } from '../core/alert.ts'
import type { BreakerView, LimitView, QueueView, StoreView } from '../core/views.ts'
import type { StatusView } from '../core/watch.ts'
import { botRow, cacheText, decisionRow, refusalRow, spentText, trafficRow } from './status-usage.ts'
import { amount, bytes, counted, duration } from './words.ts'

/** How to print. */
export interface Screen {
  readonly colour: boolean
  /** Width; lines are cut there. Undefined when piped: nothing is cut. */
  readonly columns: number | undefined
  /** Milliseconds since the epoch, for ages. */
  readonly nowWallMs: number
}

/** Rows of buckets shown; the fullest come first, and the rest is counted. */
const BUCKETS_SHOWN = 12

/** The whole screen, ending in a line feed. */
export const statusText = (status: StatusView, screen: Screen): string => {
  const paint = painter(screen.colour)
  const sections = [
    headline(status, paint),
    section(
      'alerts',
      status.alerts.flatMap((alert) => alertRows(alert, screen, paint)),
    ),
    section('buckets', bucketRows(status, screen, paint)),
    section(
      'lanes',
      status.queues.filter(({ waiting }) => waiting > 0).map((queue) => laneRow(queue, paint)),
    ),
    section(
      'what to do',
      status.recommendations.flatMap(({ text }) => wrapped(text, screen.columns).map((line) => paint(line, 'yellow'))),
    ),
    section('shared', storeRows(status.store, paint)),
    section('nonces', status.queues.flatMap(nonceRows)),
    section('breakers', breakerRows(status.breakers, paint)),
    section('last 5 min', [latelyRow(status), ...status.traffic.map(trafficRow)]),
    section(
      'busiest bots',
      status.bots.map((bot) => botRow(bot, screen.nowWallMs)),
    ),
    section(
      'refused lately',
      status.refusals.map((call) => refusalRow(call, screen.nowWallMs)),
    ),
    section(
      'last calls',
      status.decisions.map((call) => decisionRow(call, screen.nowWallMs)),
    ),
  ]
  const lines = sections
    .filter((text) => text !== '')
    .join('\n')
    .split('\n')
  return lines.map((line) => cut(line, screen.columns)).join('\n')
}

type Paint = (text: string, colour: 'green' | 'yellow' | 'red') => string

const CODES = { green: 32, yellow: 33, red: 31 } as const

const painter =
  (colour: boolean): Paint =>
  (text, name) =>
    colour ? `\x1b[${CODES[name]}m${text}\x1b[39m` : text

const headline = ({ health, config }: StatusView, paint: Paint): string => {
  const colour = health.status === 'healthy' ? 'green' : health.status === 'degraded' ? 'yellow' : 'red'
  const head = `weir ${health.version} is ${paint(health.status, colour)}, up ${duration(health.uptimeSeconds * 1000)}, rules of ${config.file}\n`
  return head + health.reasons.map((reason) => `  ${paint(reason, colour)}\n`).join('')
}

const alertRows = ({ severity, message, raisedAtWallMs }: AlertView, screen: Screen, paint: Paint): string[] => {
  const since = duration(Math.max(0, screen.nowWallMs - raisedAtWallMs))
  const colour = severity === 'critical' ? 'red' : 'yellow'
  return wrapped(`for ${since}  ${message}`, screen.columns).map((line) => paint(line, colour))
}

const section = (title: string, rows: readonly string[]): string =>
  rows.length === 0 ? '' : `${title}\n${rows.map((row) => `  ${row}\n`).join('')}`

const bucketRows = ({ limits, spenders }: StatusView, { columns }: Screen, paint: Paint): string[] => {
  const fullestFirst = [...limits].sort((a, b) => b.utilization - a.utilization || a.bucket.localeCompare(b.bucket))
  const shown = fullestFirst.slice(0, BUCKETS_SHOWN)
  const width = Math.max(0, ...shown.map(({ bucket, scope }) => `${bucket} ${scope}`.length))
  const rows = shown.flatMap((view) => beside(bucketRow(view, width, paint), spentText(view, spenders), columns))
  const more = limits.length - shown.length
  return more === 0 ? rows : [...rows, `and ${counted(more, 'bucket')} with more left`]
}

const BAR = 20

const bucketRow = (view: LimitView, width: number, paint: Paint): string => {
  const { bucket, scope, utilization, available, capacity, closedForMs, fullInMs, effectiveShare } = view
  const used = Math.round(Math.min(1, Math.max(0, utilization)) * BAR)
  const colour = utilization >= 1 ? 'red' : utilization >= 0.8 ? 'yellow' : 'green'
  const bar = paint('█'.repeat(used), colour) + '░'.repeat(BAR - used)
  const left = capacity === 0 ? 'a gate' : `${amount(available)} of ${amount(capacity)} left`
  const end =
    closedForMs > 0 ? `, closed for ${duration(closedForMs)}` : fullInMs > 0 ? `, full in ${duration(fullInMs)}` : ''
  const share = effectiveShare < 1 ? `, ${paint(`at ${Math.round(effectiveShare * 100)} % of the rate`, 'yellow')}` : ''
  return `${`${bucket} ${scope}`.padEnd(width)}  ${bar}  ${left}${end}${share}`
}

const laneRow = (
  { class: id, lane, waiting, capacity, oldestWaitMs, nextWaitMs, bytes: size }: QueueView,
  paint: Paint,
): string => {
  const share = waiting / capacity
  const length = paint(`${waiting} of ${capacity}`, share >= 1 ? 'red' : share >= 0.8 ? 'yellow' : 'green')
  return `${id} ${lane}  ${length} wait, the longest for ${duration(oldestWaitMs)}, one more would for ${duration(nextWaitMs)}; ${bytes(size)}`
}

const nonceRows = ({ exchange, lane, mixedNonces }: QueueView): string[] =>
  mixedNonces.map(
    ({ larger, smaller }) =>
      `${exchange} ${lane}  ${larger.bot} signs with ${larger.digits} digits, ${smaller.bot} with ${smaller.digits}: ` +
      `all calls of ${smaller.bot} are refused; give each its own key`,
  )

/** Exchanges that stand alike are told of together. */
const storeRows = (store: StoreView | undefined, paint: Paint): string[] => {
  const alike = Map.groupBy(store?.exchanges ?? [], ({ together, share, members }) =>
    together
      ? `${paint('together', 'green')}, ${counted(members, 'weir')}`
      : `${paint('Redis is away', 'red')}: ${store?.onFailure === 'closed' ? 'nothing is sent' : `on a share of ${Math.round(share * 100)} %`}, ${counted(members, 'weir')}`,
  )
  return [...alike].map(([words, all]) => `${all.map(({ exchange }) => exchange).join(', ')}  ${words}`)
}

/** Each that is not closed, and the rest on one line. */
const breakerRows = (breakers: readonly BreakerView[], paint: Paint): string[] => {
  const closed = breakers.filter(({ state }) => state === 'closed').map(({ host }) => host)
  const others = breakers.filter(({ state }) => state !== 'closed').map((view) => breakerRow(view, paint))
  return closed.length === 0 ? others : [...others, `${paint('closed', 'green')}: ${closed.join(', ')}`]
}

const breakerRow = ({ host, state, reason, forced, openForMs }: BreakerView, paint: Paint): string => {
  if (state === 'half_open') return `${host}  ${paint('half open', 'yellow')}, being probed: ${reason}`
  const until = forced ? 'by hand' : `for ${duration(openForMs)} more`
  return `${host}  ${paint('open', 'red')} ${until}: ${reason}`
}

const latelyRow = ({ lately, total, cache }: StatusView): string => {
  const kept = `${counted(cache.entries, 'answer')} kept, ${bytes(cache.bytes)} of ${bytes(cache.maxBytes)}`
  const calls = `${counted(lately.calls, 'call')}, ${lately.refused} refused, ${lately.throttled} turned away by an exchange`
  return `${calls}${cacheText(lately)} (${kept}); ${counted(total.violations, 'violation')} since the start`
}

/** Behind the row, or below it where there is no room. */
const beside = (row: string, more: string, columns: number | undefined): readonly string[] => {
  if (more === '') return [row]
  const whole = `${row}  ${more}`
  return columns === undefined || bare(whole).length + 2 <= columns ? [whole] : [row, `  ${more}`]
}

/** Breaks a sentence between words, so that it fits beside the indent: advice is of no use when it is cut. */
const wrapped = (text: string, columns: number | undefined): string[] => {
  const width = Math.max(20, (columns ?? Number.POSITIVE_INFINITY) - 2)
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const longer = `${lines.at(-1) ?? ''} ${word}`
    if (lines.length > 0 && longer.length <= width) lines[lines.length - 1] = longer
    else lines.push(word)
  }
  return lines
}

/** Cuts to the width of the terminal. Colour codes take no room; a cut line ends without colour. */
const cut = (line: string, columns: number | undefined): string => {
  if (columns === undefined) return line
  const plain = bare(line)
  return plain.length <= columns ? line : `${plain.slice(0, Math.max(0, columns - 1))}…`
}

const ESCAPES = new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, 'g')

const bare = (line: string): string => line.replace(ESCAPES, '')
