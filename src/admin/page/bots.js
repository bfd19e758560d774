// Who uses weir: calls, refusals, waits and what the cache spared, by bot; the busiest first.

import { byId, empty, keyed, make, setText, table } from './dom.js'
import { millis, percent } from './words.js'

/** @typedef {import('./wire.d.ts').Wire<import('../../core/usage.ts').StatsView>} Stats */
/** @typedef {Stats['bots'][number]} Bot */

const SHOWN = 15

/** @returns {(stats: Stats) => void} */
export const mountBots = () => {
  const { frame, body } = table('Bots', [
    ['bot'],
    ['calls', 'number'],
    ['refused', 'number'],
    ['failed', 'number'],
    ['saved by the cache', 'number'],
    ['99 % waited under', 'number'],
  ])
  const nothing = empty('No bot has called yet.')
  const more = make('small')
  byId('bots').replaceChildren(nothing, frame, more)
  const rows = keyed(body, row)
  return ({ bots }) => {
    nothing.hidden = bots.length > 0
    frame.hidden = bots.length === 0
    rows(bots.slice(0, SHOWN).map((bot) => [bot.bot, bot]))
    setText(more, bots.length > SHOWN ? `and ${bots.length - SHOWN} that call less; /v1/stats has them` : '')
  }
}

/** @param {string} name */
const row = (name) => {
  const cells = Array.from({ length: 5 }, () => make('td', { class: 'number' }))
  const element = make('tr', {}, make('th', { scope: 'row' }, name), ...cells)
  const update = (/** @type {Bot} */ bot) => {
    const said = [
      String(bot.calls),
      bot.refused === 0 ? '0' : `${bot.refused} (${percent(bot.refused, bot.calls)})`,
      String(bot.failed),
      percent(bot.saved, bot.calls),
      millis(bot.wait_p99_ms),
    ]
    for (const [at, cell] of cells.entries()) setText(cell, said[at] ?? '')
  }
  return { element, update }
}
