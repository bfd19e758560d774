// Numbers and times as people read them. Every number says its unit.

/** `350 ms`, `4.2 s`, `5 min`, `2 h`. @param {number} ms */
export const duration = (ms) => {
  if (ms < 1000) return `${Math.ceil(ms)} ms`
  const seconds = ms / 1000
  if (seconds < 10) return `${trimmed(seconds, 1)} s`
  if (seconds < 120) return `${Math.ceil(seconds)} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  if (seconds < 172_800) return `${trimmed(seconds / 3600, 1)} h`
  return `${Math.round(seconds / 86_400)} d`
}

/** Milliseconds with as many digits as matter: `0.18 ms`, `12 ms`. @param {number | undefined | null} ms */
export const millis = (ms) => (ms == null ? '–' : ms < 10 ? `${trimmed(ms, 2)} ms` : duration(ms))

/** @param {number} value */
export const amount = (value) => trimmed(value, value >= 100 ? 0 : 2)

/** @param {number} part @param {number} whole */
export const percent = (part, whole) => {
  if (whole === 0) return '–'
  const share = (part / whole) * 100
  return `${share > 0 && share < 1 ? '<1' : Math.round(share)} %`
}

/** @param {number} count */
export const bytes = (count) => {
  if (count < 1024) return `${count} B`
  return count < 1024 ** 2 ? `${trimmed(count / 1024, 1)} KiB` : `${trimmed(count / 1024 ** 2, 1)} MiB`
}

/** @param {number} count @param {string} noun */
export const counted = (count, noun, plural = `${noun}s`) => `${count} ${count === 1 ? noun : plural}`

/** The first signs of the hash of a key are enough to tell it from others. @param {string} text */
export const shortened = (text) => text.replace(/\b[0-9a-f]{12,}\b/, (hash) => `${hash.slice(0, 4)}…`)

/** By how much this browser's clock is ahead of weir's. */
let skewMs = 0

/** Weir's clock says `wallMs` now. @param {number} wallMs */
export const setClock = (wallMs) => {
  skewMs = Date.now() - wallMs
}

/** Weir's time, as well as this browser knows. */
export const now = () => Date.now() - skewMs

/** @param {number} wallMs */
export const ago = (wallMs) => {
  const ms = now() - wallMs
  return ms < 1000 ? 'now' : `${duration(ms)} ago`
}

/** @param {number} wallMs */
export const absolute = (wallMs) => new Date(wallMs).toLocaleString()

/** @param {number} value @param {number} digits */
const trimmed = (value, digits) => String(Number(value.toFixed(digits)))
