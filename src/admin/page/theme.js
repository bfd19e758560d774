// Light or dark: as the system has it, until somebody chooses; the choice is remembered in this browser.

const KEY = 'weir.theme'
const system = matchMedia('(prefers-color-scheme: dark)')
const NEXT = /** @type {const} */ ({ auto: 'light', light: 'dark', dark: 'auto' })

/** @typedef {keyof typeof NEXT} Choice */

/** @type {Set<() => void>} */
const listeners = new Set()

/** Calls `listener` after each change of colours. @param {() => void} listener */
export const onTheme = (listener) => listeners.add(listener)

/** Makes `button` go through auto, light and dark. @param {HTMLElement} button */
export const mountTheme = (button) => {
  const label = () => {
    button.textContent = `Theme: ${chosen()}`
  }
  button.addEventListener('click', () => {
    remember(NEXT[chosen()])
    label()
    apply()
  })
  label()
}

/** @returns {Choice} */
const chosen = () => {
  try {
    const kept = localStorage.getItem(KEY)
    return kept === 'light' || kept === 'dark' ? kept : 'auto'
  } catch {
    return 'auto'
  }
}

/** @param {Choice} choice */
const remember = (choice) => {
  try {
    if (choice === 'auto') localStorage.removeItem(KEY)
    else localStorage.setItem(KEY, choice)
  } catch {
    // Storage is shut: the choice lasts as long as the page.
  }
}

const apply = () => {
  const choice = chosen()
  document.documentElement.dataset.theme = choice === 'auto' ? (system.matches ? 'dark' : 'light') : choice
  for (const listener of listeners) listener()
}

system.addEventListener('change', apply)
apply()
