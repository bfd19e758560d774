// How an exchange fared over the last quarter of an hour or day: calls, waits, its answers, its budgets. Drawn by uPlot; what
// a plot shows is also said in words beside it.

import { byId, make, setText } from './dom.js'
import { ask } from './link.js'
import { onTheme } from './theme.js'
import { amount, millis, percent } from './words.js'

/** @typedef {import('./wire.d.ts').Wire<import('../../core/watch.ts').HistoryView>} History */
/** @typedef {readonly (number | null)[]} Column */
/** @typedef {{ readonly label: string, readonly values: Column }} Line */
/** @typedef {{ readonly title: string, readonly say: (value: number) => string, readonly top?: number, readonly lines: (history: History, exchange: string) => readonly Line[] }} Kind */

const UPLOT = '/page/uplot.js'
const HEIGHT = 150
const LEAST_STEPS = 24
const MOST_LINES = 6
const REFRESH_MS = { '15m': 5_000, '24h': 60_000 }

/** @type {readonly Kind[]} */
const KINDS = [
  {
    title: 'Calls per second',
    say: (value) => `${amount(value)}/s`,
    lines: (history, exchange) => {
      const series = history.series[exchange]
      if (series === undefined) return []
      const rate = (/** @type {Column} */ column) =>
        column.map((count) => (count === null ? null : (count * 1000) / history.step_ms))
      return [
        { label: 'all', values: rate(series.calls) },
        { label: 'fresh from cache', values: rate(series.fresh) },
        { label: 'stale', values: rate(series.stale) },
        { label: 'refused', values: rate(series.refused) },
        { label: 'failed', values: rate(series.failed) },
      ]
    },
  },
  {
    title: 'Time waited for a turn',
    say: millis,
    lines: ({ series }, exchange) => quantiles(series[exchange]?.wait_p50_ms, series[exchange]?.wait_p99_ms),
  },
  {
    title: 'Time until the exchange answered',
    say: millis,
    lines: ({ series }, exchange) => quantiles(series[exchange]?.upstream_p50_ms, series[exchange]?.upstream_p99_ms),
  },
  {
    title: 'Budget in use, fullest scope',
    say: (value) => percent(value, 1),
    top: 1,
    lines: ({ utilization }) => Object.entries(utilization).map(([label, values]) => ({ label, values })),
  },
]

/** @param {Column | undefined} p50 @param {Column | undefined} p99 */
const quantiles = (p50, p99) =>
  p50 === undefined || p99 === undefined
    ? []
    : [
        { label: 'median', values: p50 },
        { label: '99 %', values: p99 },
      ]

/** @returns {Promise<{ offer: (exchanges: readonly string[]) => void, refresh: () => Promise<void> }>} */
export const mountPlots = async () => {
  const { default: UPlot } = await import(UPLOT)
  const plots = KINDS.map((kind) => plot(kind, UPlot))
  byId('plots').replaceChildren(...plots.map(({ element }) => element))
  const choice = /** @type {HTMLSelectElement} */ (byId('plots-exchange'))
  /** @type {'15m' | '24h'} */
  let span = '15m'
  /** @type {History | undefined} */
  let history
  const draw = () => {
    if (history !== undefined) for (const { show } of plots) show(history, choice.value)
  }
  const refresh = async () => {
    if (choice.value === '') return
    const question = () => `/v1/history?span=${span}&exchange=${encodeURIComponent(choice.value)}`
    const asked = question()
    const found = await ask(asked)
    // An answer to an older question must not replace a newer one's.
    if (asked !== question()) return
    history = found
    draw()
  }
  const later = () => {
    window.setTimeout(
      () => (document.hidden ? Promise.resolve() : refresh()).catch(() => {}).then(later),
      REFRESH_MS[span],
    )
  }
  const buttons = [...document.querySelectorAll('button[data-span]')]
  for (const button of buttons) {
    button.addEventListener('click', () => {
      span = button.getAttribute('data-span') === '24h' ? '24h' : '15m'
      for (const other of buttons) other.setAttribute('aria-pressed', String(other === button))
      void refresh().catch(() => {})
    })
  }
  choice.addEventListener('change', () => void refresh().catch(() => {}))
  onTheme(() => {
    for (const { forget } of plots) forget()
    draw()
  })
  addEventListener('resize', draw)
  later()
  return {
    refresh,
    offer: (exchanges) => {
      const known = new Set([...choice.options].map(({ value }) => value))
      for (const name of exchanges) if (!known.has(name)) choice.append(make('option', { value: name }, name))
    },
  }
}

/** @param {Kind} kind @param {any} UPlot */
const plot = ({ title, say, lines, top }, UPlot) => {
  const legend = make('span')
  const canvas = make('div', { class: 'plot', role: 'img' })
  const element = make('figure', {}, make('figcaption', {}, make('strong', {}, title), legend), canvas)
  /** @type {any} */
  let drawn
  let names = ''
  const forget = () => {
    drawn?.destroy()
    drawn = undefined
  }
  const show = (/** @type {History} */ history, /** @type {string} */ exchange) => {
    const shown = lines(history, exchange).filter(isWorthIt).slice(0, MOST_LINES)
    const labels = shown.map(({ label }) => label).join(' ')
    if (labels !== names) forget()
    names = labels
    const width = Math.floor(canvas.clientWidth)
    const begin = beginning(shown[0]?.values ?? [])
    const data = [
      history.at_wall_ms.slice(begin).map((ms) => ms / 1000),
      ...shown.map(({ values }) => values.slice(begin)),
    ]
    if (drawn === undefined) drawn = new UPlot(options(shown, width, say, top), data, canvas)
    else {
      if (drawn.width !== width) drawn.setSize({ width, height: HEIGHT })
      drawn.setData(data)
    }
    legend.replaceChildren(
      ...shown.flatMap(({ label, values }, at) => [
        make('span', { class: 'dot', 'data-series': String(at + 1) }),
        `${label} ${sayLast(values, say)}  `,
      ]),
    )
    const said = shown.map(
      ({ label, values }) => `${label}: now ${sayLast(values, say)}, at most ${sayMost(values, say)}`,
    )
    const whole = `${title}. ${said.length === 0 ? 'Nothing yet.' : said.join('; ')}`
    if (canvas.getAttribute('aria-label') !== whole) canvas.setAttribute('aria-label', whole)
    if (shown.length === 0) setText(legend, 'nothing yet')
  }
  return { element, show, forget }
}

/** Of a weir that was started just now there is little to see: the plot begins where it did. @param {Column} values */
const beginning = (values) =>
  Math.max(
    0,
    Math.min(
      values.findIndex((value) => value !== null),
      values.length - LEAST_STEPS,
    ),
  )

/** A line of nothing but zeros says less than it hides. @param {Line} line @param {number} at */
const isWorthIt = ({ values }, at) => at === 0 || values.some((value) => value !== null && value > 0)

/** @param {Column} values @param {(value: number) => string} say */
const sayLast = (values, say) => {
  const last = values.findLast((value) => value !== null)
  return last == null ? '–' : say(last)
}

/** @param {Column} values @param {(value: number) => string} say */
const sayMost = (values, say) => say(Math.max(0, ...values.map((value) => value ?? 0)))

/** @param {readonly Line[]} shown @param {number} width @param {(value: number) => string} say @param {number | undefined} top */
const options = (shown, width, say, top) => {
  const style = getComputedStyle(document.documentElement)
  const colour = (/** @type {string} */ name) => style.getPropertyValue(name).trim()
  const axis = {
    stroke: colour('--quiet'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
    font: '12px system-ui',
  }
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    padding: [8, 20, 0, 0],
    cursor: { y: false, drag: { x: false, y: false } },
    scales: {
      y: {
        range: (/** @type {any} */ _plot, /** @type {number} */ _low, /** @type {number} */ high) => [
          0,
          top ?? Math.max(high * 1.1, 1),
        ],
      },
    },
    axes: [
      { ...axis, size: 28, space: 80, values: clocks },
      { ...axis, size: 62, values: (/** @type {any} */ _plot, /** @type {number[]} */ ticks) => ticks.map(say) },
    ],
    series: [
      {},
      ...shown.map(({ label }, at) => ({
        label,
        stroke: colour(`--s${at + 1}`),
        width: 1.5,
        spanGaps: false,
        points: { show: false },
      })),
    ],
  }
}

/**
 * @param {any} _plot @param {readonly number[]} ticks seconds since 1970 @param {number} _axis @param {number} _space
 * @param {number} step seconds between two ticks
 */
const clocks = (_plot, ticks, _axis, _space, step) => {
  const shown = /** @type {const} */ ({ hour: '2-digit', minute: '2-digit', hour12: false })
  const form = step < 60 ? { ...shown, second: /** @type {const} */ ('2-digit') } : shown
  return ticks.map((seconds) => new Date(seconds * 1000).toLocaleTimeString([], form))
}
