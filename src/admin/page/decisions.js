// The last few hundred calls: what weir decided, and why. Filtered by bot, class and kind.

import { byId, empty, make, setText, table, tag, time } from './dom.js'
import { amount, millis } from './words.js'

/** @typedef {import('./wire.d.ts').Wire<import('../../core/views.ts').CallView>} Call */

const KEPT = 500
const SHOWN = 300
/** A busy weir decides faster than anybody reads. */
const DRAW_EVERY_MS = 250

const TONES = /** @type {Record<string, string>} */ ({
  forwarded: 'good',
  stale: 'warn',
  refused: 'warn',
  failed: 'bad',
  left: 'warn',
})

/** @type {Record<string, readonly [label: string, wanted: (call: Call) => boolean]>} */
const KINDS = {
  all: ['everything', () => true],
  held: [
    'refused, failed or stale',
    ({ decision }) => ['refused', 'failed', 'stale', 'left'].includes(decision ?? 'failed'),
  ],
  waited: ['waited', ({ waited_ms: waited }) => waited > 0],
  cached: [
    'from the cache',
    ({ decision }) => decision === 'cached' || decision === 'coalesced' || decision === 'stale',
  ],
  complaints: ['complaints of the exchange', ({ verdict }) => verdict !== undefined && verdict !== 'ok'],
}

/** What weir's own codes mean. @type {Record<import('../../core/errors.ts').ErrorCode, string>} */
const CODES = {
  limit_reached: 'the budget is spent and the wait would be too long',
  deadline_too_short: 'its turn would come after its deadline',
  queue_full: 'too many wait already',
  circuit_open: 'the breaker of the host is open',
  nonce_too_low: 'a higher nonce of its key has been sent',
  key_stopped: 'the key rests after refusals in a row',
  upstream_unreachable: 'the exchange could not be reached',
  upstream_timeout: 'the exchange did not answer in time',
  host_not_allowed: 'the host is not in limits.yaml',
  bad_request: 'malformed, or not safe to relay',
  body_too_large: 'its body is over max_body',
  shutting_down: 'weir is stopping',
  internal: 'a bug in weir; the log has it',
}

/** @param {() => string} proxyOf @returns {{ reset: (calls: readonly Call[]) => void, add: (call: Call) => void, skipped: (count: number) => void }} */
export const mountDecisions = (proxyOf) => {
  const { frame, body } = table('Decisions, newest first', [
    ['when'],
    ['bot'],
    ['call'],
    ['decision'],
    ['why'],
    ['waited', 'number'],
    ['took', 'number'],
    ['cost', 'number'],
    ['status', 'number'],
  ])
  const nothing = empty('')
  const note = make('p', { class: 'quiet' })
  byId('decisions').replaceChildren(nothing, frame, note)
  const bots = select('decisions-bot', 'all bots')
  const classes = select('decisions-class', 'all classes')
  const kinds = select('decisions-kind')
  for (const [name, [label]] of Object.entries(KINDS)) kinds.offer(name, label)

  /** Newest first. @type {Call[]} */
  let calls = []
  /** Arrived and not shown yet, oldest first. @type {Call[]} */
  let arrived = []
  let skippedCalls = 0
  let paused = false
  let drawing = false

  const wanted = (/** @type {Call} */ call) =>
    (bots.value() === '' || call.bot === bots.value()) &&
    (classes.value() === '' || call.class === classes.value()) &&
    (KINDS[kinds.value()]?.[1](call) ?? true)

  const offer = (/** @type {Call} */ call) => {
    bots.offer(call.bot)
    if (call.class !== undefined) classes.offer(call.class)
  }
  const conclude = () => {
    nothing.hidden = body.childElementCount > 0
    frame.hidden = body.childElementCount === 0
    setText(
      nothing,
      calls.length === 0
        ? `No bot has called yet. Point one at ${proxyOf()} (HTTPS_PROXY), or start it with: weir exec -- YOUR-BOT`
        : 'None of the last calls is of that kind.',
    )
    setText(note, skippedCalls === 0 ? '' : `${skippedCalls} calls came too fast to be listed.`)
  }
  const redraw = () => {
    body.replaceChildren(...calls.filter(wanted).slice(0, SHOWN).map(row))
    conclude()
  }
  const draw = () => {
    drawing = false
    if (paused) return
    const fresh = arrived.reverse()
    arrived = []
    calls = [...fresh, ...calls].slice(0, KEPT)
    body.prepend(...fresh.filter(wanted).map(row))
    while (body.childElementCount > SHOWN) body.lastElementChild?.remove()
    conclude()
  }
  const soon = () => {
    if (!drawing) setTimeout(draw, DRAW_EVERY_MS)
    drawing = true
  }
  for (const { element } of [bots, classes, kinds]) element.addEventListener('change', redraw)
  const pause = byId('decisions-pause')
  pause.addEventListener('click', () => {
    paused = !paused
    pause.setAttribute('aria-pressed', String(paused))
    soon()
  })
  return {
    reset: (found) => {
      arrived = []
      calls = found.toReversed()
      for (const call of calls) offer(call)
      redraw()
    },
    add: (call) => {
      offer(call)
      // A tab that is paused for a day must not grow.
      if (arrived.length >= KEPT) arrived.shift()
      arrived.push(call)
      soon()
    },
    skipped: (count) => {
      skippedCalls += count
      soon()
    },
  }
}

/** @param {string} id @param {string} [all] */
const select = (id, all) => {
  const element = /** @type {HTMLSelectElement} */ (byId(id))
  const known = new Set()
  const offer = (/** @type {string} */ value, label = value) => {
    if (known.has(value) || known.size > 300) return
    known.add(value)
    element.append(make('option', { value }, label))
  }
  if (all !== undefined) offer('', all)
  return { element, offer, value: () => element.value }
}

/** @param {Call} call */
const row = (call) => {
  const { decision = 'failed', status, cost } = call
  return make(
    'tr',
    { 'data-call': call.id },
    make('td', {}, time(call.at_wall_ms)),
    make('td', {}, call.bot),
    make('td', { title: call.host }, `${call.method} ${call.class ?? call.host}`),
    make('td', {}, tag(decision, TONES[decision])),
    make('td', { class: 'long' }, why(call)),
    make('td', { class: 'number' }, call.waited_ms > 0 ? millis(call.waited_ms) : '–'),
    make('td', { class: 'number' }, millis(call.took_ms)),
    make('td', { class: 'number' }, amount(cost)),
    make('td', { class: 'number' }, String(status)),
  )
}

/** @param {Call} call */
const why = ({ error, reason, verdict, decision, shadow, waited_ms: waitedMs, sent }) => {
  const parts = []
  if (error !== undefined) parts.push(`${error}: ${CODES[error]}`)
  if (verdict !== undefined && verdict !== 'ok') parts.push(`the exchange: ${reason}`)
  if (decision === 'left') parts.push('the bot hung up')
  if (decision === 'coalesced') parts.push('shared the answer to the same question')
  if (decision === 'stale') parts.push('an old answer, since a new one can not be had')
  if (decision === 'forwarded' && waitedMs > 0 && parts.length === 0) parts.push('waited for its turn')
  if (sent === 'unknown') parts.push('may have reached the exchange')
  if (shadow !== undefined) parts.push(`shadow: would ${shadow}`)
  return parts.join('; ')
}
