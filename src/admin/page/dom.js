// Elements from data, without a framework: make one, or keep a list of them in step with what they show. Text is always set
// as text: what bots and exchanges say never becomes markup.

import { absolute, ago } from './words.js'

/** @typedef {Node | string | undefined} Child */

/**
 * @param {string} tag
 * @param {Record<string, string | boolean | ((event: Event) => void) | undefined>} [attributes]
 * @param {...Child} children
 */
export const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name, value)
    else if (value === true) element.setAttribute(name, '')
    else if (value !== undefined && value !== false) element.setAttribute(name, value)
  }
  element.append(...children.filter((child) => child !== undefined))
  return element
}

/** @param {string} id */
export const byId = (id) => {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`the page has no #${id}`)
  return found
}

/** Changes nothing when nothing changed: selections and screen readers are left in peace. @param {Node} element @param {string} text */
export const setText = (element, text) => {
  if (element.textContent !== text) element.textContent = text
}

/** @param {HTMLElement} element @param {string | undefined} tone */
export const setTone = (element, tone) => {
  if (tone === undefined) delete element.dataset.tone
  else if (element.dataset.tone !== tone) element.dataset.tone = tone
}

/**
 * Keeps the children of `parent` in step with data: made once per key, updated after that, so that focus stays where it is.
 * @template Data
 * @param {Element} parent
 * @param {(key: string) => { element: HTMLElement, update: (data: Data) => void }} create
 * @returns {(entries: readonly (readonly [key: string, data: Data])[]) => void}
 */
export const keyed = (parent, create) => {
  /** @type {Map<string, { element: HTMLElement, update: (data: Data) => void }>} */
  const rows = new Map()
  return (entries) => {
    const wanted = new Set(entries.map(([key]) => key))
    for (const [key, { element }] of rows) {
      if (wanted.has(key)) continue
      element.remove()
      rows.delete(key)
    }
    let place = parent.firstElementChild
    for (const [key, data] of entries) {
      const row = rows.get(key) ?? create(key)
      rows.set(key, row)
      row.update(data)
      if (row.element === place) place = place.nextElementSibling
      else parent.insertBefore(row.element, place)
    }
  }
}

/** A time that says how long ago it was, and when exactly to whoever points at it. @param {number} wallMs */
export const time = (wallMs) =>
  make(
    'time',
    { datetime: new Date(wallMs).toISOString(), title: absolute(wallMs), 'data-at': String(wallMs) },
    ago(wallMs),
  )

/** Brings all times up to date. */
export const refreshTimes = () => {
  for (const element of document.querySelectorAll('time[data-at]')) {
    setText(element, ago(Number(element.getAttribute('data-at'))))
  }
}

/**
 * A table that scrolls inside its own frame, reachable by keyboard.
 * @param {string} label
 * @param {readonly (readonly [name: string, kind?: string])[]} columns
 */
export const table = (label, columns) => {
  const body = make('tbody')
  const head = columns.map(([name, kind]) => make('th', { scope: 'col', class: kind === 'number' ? kind : '' }, name))
  const frame = make(
    'div',
    { class: 'scroll', role: 'region', 'aria-label': label, tabindex: '0' },
    make('table', {}, make('thead', {}, make('tr', {}, ...head)), body),
  )
  return { frame, body }
}

/** @param {string} text @param {...Child} more */
export const empty = (text, ...more) => make('p', { class: 'empty' }, text, ...more)

/** @param {string} text @param {string} [tone] */
export const tag = (text, tone) => make('span', { class: 'tag', 'data-tone': tone }, text)
