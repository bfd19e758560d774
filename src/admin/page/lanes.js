// Who waits, for how long already, and how long one more would.

import { byId, empty, keyed, make, setText, table } from './dom.js'
import { bytes, duration, shortened } from './words.js'

/** @typedef {import('./wire.d.ts').Wire<import('../../core/watch.ts').LevelsView>} Levels */
/** @typedef {Levels['queues'][number]} Queue */

/** @returns {(levels: Levels) => void} */
export const mountLanes = () => {
  const { frame, body } = table('Lanes', [
    ['lane'],
    ['waiting', 'number'],
    ['under way', 'number'],
    ['longest wait', 'number'],
    ['the next would wait', 'number'],
    ['held', 'number'],
  ])
  const nothing = empty('Nobody waits. Calls that do not fit their budget line up here.')
  const nonces = make('ul', { class: 'items' })
  byId('lanes').replaceChildren(nothing, frame, nonces)
  const rows = keyed(body, row)
  const mixed = keyed(nonces, note)
  return ({ queues }) => {
    nothing.hidden = queues.length > 0
    frame.hidden = queues.length === 0
    rows(queues.map((queue) => [`${queue.class} ${queue.lane}`, queue]))
    mixed(queues.flatMap(nonceNotes))
  }
}

/** @param {string} name */
const row = (name) => {
  const cells = Array.from({ length: 5 }, () => make('td', { class: 'number' }))
  const element = make('tr', {}, make('th', { scope: 'row', title: name }, shortened(name)), ...cells)
  const update = (/** @type {Queue} */ queue) => {
    const said = [
      `${queue.waiting} of ${queue.capacity}`,
      String(queue.in_flight),
      queue.waiting === 0 ? '–' : duration(queue.oldest_wait_ms),
      queue.waiting === 0 ? '–' : duration(queue.next_wait_ms),
      bytes(queue.bytes),
    ]
    for (const [at, cell] of cells.entries()) setText(cell, said[at] ?? '')
  }
  return { element, update }
}

/** @param {string} _key */
const note = (_key) => {
  const element = make('li')
  return { element, update: (/** @type {string} */ text) => setText(element, text) }
}

/** @param {Queue} queue @returns {readonly (readonly [string, string])[]} */
const nonceNotes = ({ lane, mixed_nonces: mixed }) =>
  mixed.map(({ larger, smaller }) => [
    `${lane} ${larger.bot} ${smaller.bot}`,
    `${larger.bot} and ${smaller.bot} sign with key ${lane}, with nonces of ${larger.digits} and ${smaller.digits} digits: ` +
      `every call of ${smaller.bot} is refused. Give each its own key.`,
  ])
