// Alerts that are active now.

import { byId, empty, make, tag, time } from './dom.js'

/** @typedef {{ readonly name: string, readonly severity: string, readonly subject?: string, readonly text: string, readonly since_wall_ms: number }} Alert */

const TONES = /** @type {Record<string, string>} */ ({ critical: 'bad', warning: 'warn' })

/** @returns {(alerts: readonly Alert[]) => void} */
export const mountAlerts = () => {
  const nothing = empty('None is active.')
  const list = make('ul', { class: 'items' })
  byId('alerts').replaceChildren(nothing, list)
  return (alerts) => {
    nothing.hidden = alerts.length > 0
    list.replaceChildren(
      ...alerts.map(({ severity, text, since_wall_ms: since }) =>
        make('li', {}, tag(severity, TONES[severity]), ` ${text} `, make('small', {}, time(since))),
      ),
    )
  }
}
