// Breakers: state, reason, the last hour as a strip, and the levers. Opening stops every call to a host, so it is asked twice.

import { byId, keyed, make, setText, setTone, tag, time } from './dom.js'
import { ask } from './link.js'
import { absolute, counted, duration, now } from './words.js'

/** @typedef {import('./wire.d.ts').Wire<import('../../core/watch.ts').LevelsView>} Levels */
/** @typedef {Levels['breakers'][number]} Breaker */
/** @typedef {'open' | 'close' | 'reset'} Move */

const TONES = { closed: 'good', half_open: 'warn', open: 'bad' }
const WORDS = { closed: 'closed', half_open: 'half open', open: 'open' }
const HOUR_MS = 3_600_000
const CHANGES_SHOWN = 20

/** @param {(text: string) => void} announce @returns {(levels: Pick<Levels, 'breakers'>) => void} */
export const mountBreakers = (announce) => {
  const eventful = make('div')
  const quiet = make('div')
  const summary = make('summary')
  const rest = make('details', {}, summary, quiet)
  byId('breakers').replaceChildren(eventful, rest)
  const create = (/** @type {string} */ host) => breaker(host, announce)
  const [showEventful, showQuiet] = [keyed(eventful, create), keyed(quiet, create)]
  return ({ breakers }) => {
    const others = breakers.filter(isQuiet)
    showEventful(entries(breakers.filter((view) => !isQuiet(view)).sort(byUrgency)))
    showQuiet(entries(others))
    rest.hidden = others.length === 0
    setText(summary, `${counted(others.length, 'more host')}, closed and without calls`)
  }
}

/** @param {readonly Breaker[]} views @returns {readonly (readonly [string, Breaker])[]} */
const entries = (views) => views.map((view) => [view.host, view])

/** @param {Breaker} view */
const isQuiet = ({ state, history, window }) => state === 'closed' && history.length === 0 && window.calls === 0

/** What is not well comes first. @param {Breaker} a @param {Breaker} b */
const byUrgency = (a, b) =>
  Number(a.state === 'closed') - Number(b.state === 'closed') ||
  b.history.length - a.history.length ||
  a.host.localeCompare(b.host)

/** @param {string} host @param {(text: string) => void} announce */
const breaker = (host, announce) => {
  const state = tag('')
  const why = make('small')
  const strip = make('div', { class: 'timeline', role: 'img' })
  const changes = make('ul', { class: 'items' })
  const summary = make('summary')
  const details = make('details', { hidden: true }, summary, changes)
  /** @param {Move} move @param {string} label */
  const button = (move, label) =>
    make('button', { type: 'button', 'data-move': move, click: () => void press(host, move, announce) }, label)
  const levers = { open: button('open', 'Open'), close: button('close', 'Close'), reset: button('reset', 'Reset') }
  for (const [move, lever] of Object.entries(levers)) lever.setAttribute('aria-label', `${move} the breaker of ${host}`)
  const element = make(
    'div',
    { class: 'breaker', 'data-host': host },
    make('div', { class: 'line' }, make('code', {}, host), state, levers.open, levers.close, levers.reset),
    why,
    strip,
    details,
  )
  let known = ''
  const update = (/** @type {Breaker} */ view) => {
    element.dataset.state = view.state
    setText(state, WORDS[view.state])
    setTone(state, TONES[view.state])
    setText(why, whyText(view))
    levers.close.toggleAttribute('disabled', view.state === 'closed')
    levers.open.toggleAttribute('disabled', view.forced)
    draw(strip, view)
    const last = `${view.history.length} ${view.history.at(-1)?.at_wall_ms}`
    if (last === known) return
    known = last
    details.hidden = view.history.length === 0
    setText(summary, counted(view.history.length, 'change'))
    changes.replaceChildren(...view.history.slice(-CHANGES_SHOWN).reverse().map(change))
  }
  return { element, update }
}

/** @param {Breaker['history'][number]} change */
const change = ({ at_wall_ms: at, from, to, reason }) =>
  make('li', {}, time(at), ` ${WORDS[from]} → ${WORDS[to]}${reason === '' ? '' : `: ${reason}`}`)

/** @param {Breaker} view */
const whyText = ({ state, reason, forced, open_for_ms: openForMs, window, failures }) => {
  if (state === 'open') return `${forced ? 'held open by hand' : `probes in ${duration(openForMs)}`}: ${reason}`
  if (state === 'half_open') return `being probed: ${reason}`
  if (window.calls === 0) return 'no calls lately'
  const bad = window.failed + failures === 0 ? 'none failed' : `${window.failed} failed, ${failures} in a row`
  return `${counted(window.calls, 'call')} in its window, ${bad}${window.slow > 0 ? `, ${window.slow} slow` : ''}`
}

/** The last hour: what is not green was not closed. @param {HTMLElement} strip @param {Breaker} view */
const draw = (strip, view) => {
  // Weir's clock as the page guesses it may be behind the last change.
  const until = Math.max(now(), view.history.at(-1)?.at_wall_ms ?? 0)
  const spells = view.history.flatMap((change, at) => {
    const end = view.history[at + 1]?.at_wall_ms ?? until
    return change.to === 'closed' || end < until - HOUR_MS ? [] : [{ state: change.to, from: change.at_wall_ms, end }]
  })
  strip.replaceChildren(
    ...spells.map(({ state, from, end }) => {
      const bar = make('i', { 'data-state': state, title: `${WORDS[state]} ${absolute(from)} – ${absolute(end)}` })
      const begin = Math.max(from, until - HOUR_MS)
      bar.style.left = `${100 - ((until - begin) / HOUR_MS) * 100}%`
      bar.style.width = `${((end - begin) / HOUR_MS) * 100}%`
      return bar
    }),
  )
  const openMs = spells.reduce((sum, { from, end }) => sum + end - Math.max(from, until - HOUR_MS), 0)
  const said =
    spells.length === 0 ? 'closed all of the last hour' : `not closed for ${duration(openMs)} of the last hour`
  if (strip.getAttribute('aria-label') !== said) strip.setAttribute('aria-label', said)
}

/** @param {string} host @param {Move} move @param {(text: string) => void} announce */
const press = async (host, move, announce) => {
  if (move === 'open' && !(await isSure(host))) return
  try {
    const { state } = await ask(`/v1/breakers/${host}/${move}`, { method: 'POST' })
    announce(`The breaker of ${host} is ${WORDS[/** @type {Breaker['state']} */ (state)]}.`)
  } catch (error) {
    announce(`That did not work: ${error instanceof Error ? error.message : 'weir does not answer'}`)
  }
}

/** @param {string} host @returns {Promise<boolean>} */
const isSure = (host) => {
  const dialog = /** @type {HTMLDialogElement} */ (byId('sure'))
  setText(byId('sure-title'), `Open the breaker of ${host}?`)
  setText(
    byId('sure-text'),
    'Every call to it is refused, or answered from the past, until you close it: orders and cancels too.',
  )
  return new Promise((resolve) => {
    byId('sure-yes').onclick = () => dialog.close('yes')
    byId('sure-no').onclick = () => dialog.close('no')
    dialog.onclose = () => resolve(dialog.returnValue === 'yes')
    dialog.returnValue = 'no'
    dialog.showModal()
  })
}
