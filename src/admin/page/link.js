// The line to weir: pages once, events from then on. When weir goes away it says so and keeps trying; who looks elsewhere
// (another tab) is not listened for, since a browser has few connections to give.

/** Longer without a word than this, and weir is away, whatever the connection says. */
const SILENCE_MS = 4_000
const RETRY_MS = 1_000

/** @typedef {'connecting' | 'live' | 'away' | 'asleep'} LinkState */

/**
 * @param {string} path
 * @param {RequestInit} [init]
 * @returns {Promise<any>} the JSON of a page
 */
export const ask = async (path, init) => {
  const answer = await fetch(path, { ...init, headers: { accept: 'application/json' } })
  const said = await answer.json()
  if (!answer.ok) throw new Error(said?.error?.message ?? `${path} answered ${answer.status}`)
  return said
}

/**
 * Listens for as long as the page is seen.
 * @param {Record<string, (told: any) => void>} hear by name of event
 * @param {(state: LinkState) => void} onState
 */
export const listen = (hear, onState) => {
  /** @type {EventSource | undefined} */
  let source
  let lastHeardAt = 0

  const open = () => {
    source?.close()
    source = new EventSource('/v1/events')
    for (const [name, task] of Object.entries(hear)) {
      source.addEventListener(name, (event) => {
        lastHeardAt = performance.now()
        onState('live')
        task(JSON.parse(/** @type {MessageEvent} */ (event).data))
      })
    }
    source.addEventListener('error', () => onState('away'))
  }
  const watch = () => {
    if (document.hidden || source === undefined) return
    // A browser gives up for good when a proxy or a dying weir answers with an error; and a cable that was pulled says nothing.
    const silent = lastHeardAt > 0 && performance.now() - lastHeardAt > SILENCE_MS
    if (silent) onState('away')
    if (source.readyState === EventSource.CLOSED) open()
    else if (silent && source.readyState === EventSource.OPEN) {
      lastHeardAt = performance.now()
      open()
    }
  }
  const look = () => {
    if (document.hidden) {
      source?.close()
      source = undefined
      onState('asleep')
    } else if (source === undefined) {
      onState('connecting')
      open()
    }
  }
  document.addEventListener('visibilitychange', look)
  setInterval(watch, RETRY_MS)
  look()
}
