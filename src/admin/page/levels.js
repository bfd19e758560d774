// Budgets as gauges: what is left of each bucket at each scope, how fast it comes back, and which bots spent it.

import { byId, empty, keyed, make, setText, setTone } from './dom.js'
import { amount, duration, percent, shortened } from './words.js'

/** @typedef {import('./wire.d.ts').Wire<import('../../core/watch.ts').LevelsView>} Levels */
/** @typedef {Levels['limits'][number]} Limit */
/** @typedef {Levels['spenders'][number]} Spending */
/** @typedef {{ readonly limit: Limit, readonly spent: readonly Spending[] }} Gauge */
/** @typedef {{ readonly limits: readonly Limit[], readonly activity: Levels['exchanges'][string], readonly spenders: readonly Spending[] }} Group */

/** Gauges shown per exchange until all are asked for; keys and pairs may be many. */
const SHOWN = 12
/** Bots with a colour of their own. */
const SERIES = 5

/** @returns {(levels: Levels) => void} */
export const mountLevels = () => {
  const root = byId('limits')
  const nothing = empty('No budget has been touched yet: a bucket appears with the first call that takes from it.')
  const groups = make('div')
  root.replaceChildren(nothing, groups)
  const show = keyed(groups, group)
  return ({ limits, spenders, exchanges }) => {
    nothing.hidden = limits.length > 0
    const used = Object.entries(exchanges).filter(([name]) => limits.some(({ exchange }) => exchange === name))
    show(
      used.map(([name, activity]) => [
        name,
        { activity, spenders, limits: limits.filter(({ exchange }) => exchange === name) },
      ]),
    )
  }
}

/** @param {string} name */
const group = (name) => {
  const note = make('small')
  const gauges = make('div', { class: 'gauges' })
  const more = make('button', { type: 'button', hidden: true })
  const element = make('div', { 'data-exchange': name }, make('h3', {}, `${name} `, note), gauges, more)
  const show = keyed(gauges, gauge)
  let all = false
  /** @type {Group | undefined} */
  let last
  const update = (/** @type {Group} */ shown) => {
    last = shown
    const { limits, activity, spenders } = shown
    setText(note, `${amount(activity.calls)} calls in 5 min, ${activity.refused} refused${cacheText(activity)}`)
    const fullest = [...limits].sort((a, b) => b.utilization - a.utilization || idOf(a).localeCompare(idOf(b)))
    // By name, so that gauges stay where they are while levels move.
    const chosen = (all ? fullest : fullest.slice(0, SHOWN)).sort((a, b) => idOf(a).localeCompare(idOf(b)))
    show(
      chosen.map((limit) => [
        idOf(limit),
        { limit, spent: spenders.filter((one) => one.bucket === limit.bucket && one.scope === limit.scope) },
      ]),
    )
    more.hidden = limits.length <= SHOWN
    setText(more, all ? 'Show the fullest only' : `Show all ${limits.length}`)
  }
  more.addEventListener('click', () => {
    all = !all
    if (last !== undefined) update(last)
  })
  return { element, update }
}

/** Stale answers say that something is wrong: they are told apart. @param {Group['activity']} activity */
const cacheText = ({ cache_hits: hits, cache_misses: misses, stale }) => {
  const asked = hits + misses
  if (asked === 0) return ''
  return `, of ${asked} for the cache ${percent(hits - stale, asked)} fresh and ${percent(stale, asked)} stale`
}

/** @param {string} id */
const gauge = (id) => {
  const name = make('span')
  const whose = make('small')
  const left = make('span')
  const fill = make('i')
  const meter = make('div', { class: 'bar', role: 'meter', 'aria-label': `${id}, left`, 'aria-valuemin': '0' }, fill)
  const how = make('small')
  const shares = make('div', { class: 'bar thin', 'aria-hidden': 'true' })
  const names = make('small', { class: 'spent' })
  const element = make(
    'div',
    { class: 'gauge', 'data-bucket': id },
    make('div', { class: 'name' }, make('span', { title: id }, name, whose), left),
    meter,
    how,
    make('div', { class: 'spent' }, shares, names),
  )
  const showShares = keyed(shares, share)
  const update = (/** @type {Gauge} */ { limit, spent }) => {
    const { available, capacity, utilization, closed_for_ms: closedForMs } = limit
    const share = capacity === 0 ? 0 : Math.min(1, Math.max(0, available / capacity))
    setText(name, limit.bucket.slice(limit.exchange.length + 1))
    setText(whose, limit.scope === 'ip' ? '' : ` ${shortened(limit.scope)}`)
    setText(left, `${amount(available)} of ${amount(capacity)} left`)
    fill.style.width = `${(closedForMs > 0 ? 1 : share) * 100}%`
    setTone(fill, utilization >= 1 ? 'bad' : utilization >= 0.8 ? 'warn' : undefined)
    meter.setAttribute('aria-valuemax', String(capacity))
    meter.setAttribute('aria-valuetext', left.textContent ?? '')
    meter.setAttribute('aria-valuenow', String(Math.max(0, available)))
    setText(how, howText(limit))
    shares.hidden = spent.length < 2
    showShares(spent.map((one, at) => [one.bot, { share: one.share, series: Math.min(at, SERIES) + 1 }]))
    const said = spent.map(({ bot, share, tokens }) => `${bot} ${percent(share, 1)} (${amount(tokens)})`).join(', ')
    setText(names, said === '' ? 'nobody spent of it lately' : said)
    names.title = said
  }
  return { element, update }
}

/** @param {string} _bot */
const share = (_bot) => {
  const element = make('i')
  const update = (/** @type {{ share: number, series: number }} */ shown) => {
    element.dataset.series = String(shown.series)
    element.style.width = `${shown.share * 100}%`
  }
  return { element, update }
}

/** @param {Limit} limit */
const howText = (limit) => {
  const { kind, closed_for_ms: closedForMs, full_in_ms: fullInMs, effective_share: effective } = limit
  const back = kind === 'bucket' ? `+${amount(limit.effective_refill_per_second)} per second` : 'sliding window'
  const slow = effective < 1 ? `, at ${percent(effective, 1)} of the rate` : ''
  const flight = limit.in_flight > 0 ? `, ${amount(limit.in_flight)} under way` : ''
  if (closedForMs > 0) return `closed by the exchange for ${duration(closedForMs)}`
  return `${back}${slow}${flight}, ${fullInMs > 0 ? `full in ${duration(fullInMs)}` : 'full'}`
}

/** @param {Limit} limit */
const idOf = ({ bucket, scope }) => (scope === 'ip' ? bucket : `${bucket} ${scope}`)
