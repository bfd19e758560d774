// Alerts that hold now, the oldest first.

import { byId, empty, make, tag, time } from './dom.js'

/** @typedef {import('./wire.d.ts').Wire<import('../../core/alert.ts').AlertView>} Alert */

const TONES = /** @type {const} */ ({ critical: 'bad', warning: 'warn' })

/** @returns {(alerts: readonly Alert[]) => void} */
export const mountAlerts = () => {
  const nothing = empty('None is active.')
  const list = make('ul', { class: 'items' })
  byId('alerts').replaceChildren(nothing, list)
  return (alerts) => {
    nothing.hidden = alerts.length > 0
    list.replaceChildren(...alerts.map(item))
  }
}

/** @param {Alert} alert */
const item = ({ rule, severity, subject, message, raised_at_wall_ms: raised }) =>
  make(
    'li',
    { 'data-alert': rule },
    tag(severity, TONES[severity]),
    ` ${message} `,
    make('small', {}, `${rule} of ${subject}, since `, time(raised)),
  )
