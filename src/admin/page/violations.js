// Refusals by an exchange that weir had not foreseen: what was known of each, and what to do when they repeat.

import { byId, empty, make, tag, time } from './dom.js'
import { amount, counted, duration, millis, percent } from './words.js'

/** @typedef {import('./wire.d.ts').Wire<import('../../core/views.ts').ViolationView>} Violation */
/** @typedef {import('./wire.d.ts').Wire<import('../../core/autopsy.ts').Recommendation>} Advice */

const SHOWN = 50

/** @type {Record<Violation['cause'], string>} */
const CAUSES = {
  gate: 'the exchange closed the scope for a time and spoke of no counter',
  foreseen: 'the bucket was overdrawn by calls that are never held back',
  echo: 'the call had left before an earlier refusal was known',
  host: 'the exchange was unwell, or may have counted a call twice',
  cold_start: 'spent before weir first saw the bucket',
  lower_tier: 'what passed fits a lower tier than limits.yaml names',
  steps: 'a near miss of a rested bucket',
  unexplained: 'weir had room: something else may use this key or address',
}

/** @returns {{ reset: (violations: readonly Violation[]) => void, add: (violation: Violation) => void, advise: (advice: readonly Advice[]) => void }} */
export const mountViolations = () => {
  const nothing = empty('None: no exchange has refused a call that weir had budget for.')
  const advice = make('ul', { class: 'items', 'data-advice': '' })
  const list = make('ul', { class: 'items' })
  byId('violations').replaceChildren(advice, nothing, make('div', { class: 'scroll' }, list))
  let advised = ''
  return {
    reset: (violations) => {
      nothing.hidden = violations.length > 0
      list.replaceChildren(...violations.slice(-SHOWN).reverse().map(item))
    },
    add: (violation) => {
      nothing.hidden = true
      list.prepend(item(violation))
      while (list.childElementCount > SHOWN) list.lastElementChild?.remove()
    },
    advise: (recommendations) => {
      const said = JSON.stringify(recommendations)
      if (said === advised) return
      advised = said
      advice.replaceChildren(...recommendations.map(counsel))
    },
  }
}

/** @param {Advice} recommendation */
const counsel = ({ text, count, last_at_wall_ms: last }) =>
  make('li', {}, tag('do this', 'warn'), ` ${text} `, make('small', {}, `${counted(count, 'time')}, last `, time(last)))

/** @param {Violation} violation */
const item = (violation) => {
  const { bucket, bot, reason, cause, at_wall_ms: at } = violation
  return make(
    'li',
    {},
    make('div', {}, time(at), ` ${bucket}, ${bot}: ${reason}`),
    make('details', {}, make('summary', {}, `${cause}: ${CAUSES[cause]}`), autopsy(violation)),
  )
}

/** @param {Violation} violation */
const autopsy = (violation) =>
  make(
    'p',
    { class: 'quiet' },
    `weir believed ${amount(violation.believed)} of ${amount(violation.capacity)} left, with ${amount(violation.in_flight)} of others ` +
      `under way; the call (${violation.class ?? 'of no class'}) cost ${amount(violation.cost)}, waited ${millis(violation.waited_ms)} ` +
      `and took ${millis(violation.round_trip_ms)}; ${percent(violation.effective_share, 1)} of the documented rate was in use; ` +
      `weir had run for ${duration(violation.since_start_ms)}. Call ${violation.call}.`,
  )
