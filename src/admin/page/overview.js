// At a glance: is weir well, what happened in the last five minutes, what the cache gives, what weir itself costs.

import { byId, keyed, make, setText, setTone } from './dom.js'
import { amount, bytes, counted, duration, millis, percent } from './words.js'

/** @typedef {import('./wire.d.ts').Wire<import('../../core/watch.ts').LevelsView>} Levels */
/** @typedef {{ readonly value: string, readonly note: string, readonly tone?: string }} Tile */

const TONES = { healthy: 'good', degraded: 'warn', unhealthy: 'bad' }

/** @returns {(levels: Levels) => void} */
export const mountOverview = () => {
  const health = byId('health')
  const about = byId('about')
  const reasons = byId('reasons')
  const tiles = keyed(byId('overview'), tile)
  return (levels) => {
    const { status, version, uptime_seconds: uptime, reasons: why } = levels.health
    setText(health, status)
    setTone(health, TONES[/** @type {keyof typeof TONES} */ (status)])
    setText(about, `${version}, up ${duration(uptime * 1000)}`)
    reasons.hidden = why.length === 0
    setText(reasons, why.join('; '))
    tiles(Object.entries(tilesOf(levels)))
  }
}

/** @param {string} name */
const tile = (name) => {
  const value = make('strong')
  const note = make('small')
  const element = make('div', { class: 'tile' }, make('span', { class: 'quiet' }, name), value, note)
  return {
    element,
    update: (/** @type {Tile} */ shown) => {
      setText(value, shown.value)
      setText(note, shown.note)
      setTone(element, shown.tone)
    },
  }
}

/** @param {Levels} levels @returns {Record<string, Tile>} */
const tilesOf = ({ lately, total, cache, latencies, queues }) => {
  const waiting = queues.reduce((sum, queue) => sum + queue.waiting, 0)
  const longest = Math.max(0, ...queues.map((queue) => queue.next_wait_ms))
  const { hit, stale, coalesced, miss } = total.result
  const asked = hit + stale + coalesced + miss
  return {
    'Calls, last 5 min': { value: amount(lately.calls), note: `${amount(lately.calls / 300)} per second` },
    'Refused, last 5 min': {
      value: amount(lately.refused),
      note: `${percent(lately.limited, lately.calls)} for want of budget`,
      ...(lately.limited > lately.calls / 10 ? { tone: 'warn' } : {}),
    },
    'Turned away': {
      value: amount(lately.throttled),
      note: `by an exchange, last 5 min; ${counted(total.violations, 'violation')} since the start`,
      ...(lately.throttled > 0 ? { tone: 'bad' } : {}),
    },
    'Waiting now': {
      value: amount(waiting),
      note: waiting === 0 ? 'nobody' : `the next would wait ${duration(longest)}`,
    },
    'From the cache': {
      value: percent(hit + stale + coalesced, asked),
      note: `${percent(hit, asked)} fresh, ${percent(coalesced, asked)} shared, ${percent(stale, asked)} stale; ${bytes(cache.bytes)} kept`,
    },
    'Weir itself': {
      value: millis(latencies.overhead.p50_ms),
      note: `median added to a call; 99 % under ${millis(latencies.overhead.p99_ms)}`,
    },
  }
}
