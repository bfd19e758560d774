// The rules in force: every limit, and every class with its cost, lane and cache.

import { byId, make, setText, table, time } from './dom.js'
import { duration } from './words.js'

/** @typedef {import('./wire.d.ts').Wire<import('../../core/watch.ts').RulesView>} Rules */
/** @typedef {import('./wire.d.ts').Wire<import('../../core/views.ts').ConfigView>} Config */

/** @returns {(told: { readonly config: Config, readonly exchanges: readonly Rules[] }) => void} */
export const mountRules = () => {
  const file = byId('rules-file')
  const root = byId('rules')
  return ({ config, exchanges }) => {
    file.replaceChildren(`${config.file}, in force since `, time(config.loaded_at_wall_ms))
    const mistake =
      config.last_error === undefined
        ? []
        : [
            make('p', {}, 'The file has been changed and has mistakes; the rules from before stay in force:'),
            make('pre', {}, config.last_error),
          ]
    root.replaceChildren(...mistake, ...exchanges.map(exchange))
  }
}

/** @param {Rules} rules */
const exchange = ({ exchange: name, hosts, buckets, classes }) => {
  const limits = table(`Limits of ${name}`, [['limit'], ['size']])
  for (const { id, limit } of buckets) {
    limits.body.append(make('tr', {}, make('th', { scope: 'row' }, id), make('td', { class: 'long' }, limit)))
  }
  const kinds = table(
    `Classes of ${name}`,
    [...[['class'], ['kind'], ['cost'], ['waits in'], ['at most'], ['cache'], ['paths']]].map(
      ([column = '']) => /** @type {const} */ ([column]),
    ),
  )
  for (const one of classes) kinds.body.append(classRow(one))
  const summary = make('summary')
  setText(summary, `${name}: ${hosts.join(', ')} (${buckets.length} limits, ${classes.length} classes)`)
  return make('details', {}, summary, limits.frame, kinds.frame)
}

/** @param {Rules['classes'][number]} rule */
const classRow = (rule) => {
  const shadow = rule.enforce === 'shadow' ? ', in shadow' : ''
  const held = rule.hold ? '' : ', never held back'
  const cache =
    rule.cache === undefined
      ? '–'
      : `fresh ${duration(rule.cache.fresh_ms)}, stale ${duration(rule.cache.stale_ms)} more`
  return make(
    'tr',
    {},
    make('th', { scope: 'row' }, rule.id),
    make('td', {}, `${rule.kind}${shadow}${held}`),
    make('td', { class: 'long' }, rule.costs.join('; ')),
    make('td', {}, rule.lane === 'nonce' ? 'nonce order' : 'turns'),
    make('td', {}, duration(rule.max_wait_ms)),
    make('td', {}, cache),
    make('td', { class: 'long' }, make('code', {}, rule.patterns.join(' '))),
  )
}
