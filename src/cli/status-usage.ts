// The rows of `weir status` that say who calls, what it costs, how the exchanges answer and what became of the last calls.

import type { Millis } from '../core/units.ts'
import type { ActivityView, CallView, LimitView } from '../core/views.ts'
import type { SpendingView, StatusView, TrafficView } from '../core/watch.ts'
import { counted, duration, percent } from './words.ts'

/** Named behind a bucket; the rest is counted. */
const SPENDERS_SHOWN = 3

/** `grid 60 %, mm 40 %`: who spent of a bucket within the last fifteen minutes; nothing when nobody did. */
export const spentText = ({ bucket, scope }: LimitView, spenders: readonly SpendingView[]): string => {
  const spent = spenders.filter((one) => one.bucket === bucket && one.scope === scope && one.share > 0)
  if (spent.length === 0) return ''
  const named = spent.slice(0, SPENDERS_SHOWN).map(({ bot, share }) => `${bot} ${percent(share)}`)
  const more = spent.length - named.length
  return `${named.join(', ')}${more === 0 ? '' : ` and ${counted(more, 'other')}`}`
}

/** `, 50 % of 4 fresh from the cache, 25 % stale`: a stale answer is none of the exchange's health. */
export const cacheText = ({ cacheHits, stale, cacheMisses }: ActivityView): string => {
  const asked = cacheHits + cacheMisses
  if (asked === 0) return ''
  const old = stale === 0 ? '' : `, ${percent(stale / asked)} stale`
  return `, ${percent((cacheHits - stale) / asked)} of ${asked} fresh from the cache${old}`
}

/** One exchange of the last five minutes. */
export const trafficRow = (traffic: TrafficView): string => {
  const { exchange, calls, refused, upstream } = traffic
  const { count, p50Ms, p99Ms } = upstream
  const times = count === 0 ? '' : `, answers in ${within(p50Ms)}, p99 ${within(p99Ms)}`
  return `${exchange}  ${counted(calls, 'call')}, ${refused} refused${times}${cacheText(traffic)}`
}

/** One bot, since weir started. */
export const botRow = (
  { bot, calls, refused, failed, saved, waitP99Ms, lastAtWallMs }: StatusView['bots'][number],
  nowWallMs: Millis,
): string => {
  const ills = [refused === 0 ? '' : `, ${refused} refused`, failed === 0 ? '' : `, ${failed} failed`].join('')
  const spared = saved === 0 ? '' : `, ${saved} from the cache`
  return `${bot}  ${counted(calls, 'call')}${ills}${spared}, p99 of waits ${duration(waitP99Ms)}, ${agoText(lastAtWallMs, nowWallMs)}`
}

/** A call that was refused or failed, and why. */
export const refusalRow = (call: CallView, nowWallMs: Millis): string => {
  const what = [call.error, call.reason].filter((word) => word !== undefined && word !== 'ok').join(', ')
  return `${callText(call, nowWallMs)}: ${what}`
}

/** Any call, and what became of it. */
export const decisionRow = (call: CallView, nowWallMs: Millis): string => {
  const waited = call.waitedMs > 0 ? `, waited ${duration(call.waitedMs)}` : ''
  return `${callText(call, nowWallMs)} ${call.status} in ${duration(call.tookMs)}${waited}`
}

const callText = (call: CallView, nowWallMs: Millis): string =>
  `${agoText(call.atWallMs, nowWallMs)}  ${call.bot}  ${call.method} ${call.class ?? call.host}  ${call.decision ?? 'failed'}`

const agoText = (atWallMs: Millis, nowWallMs: Millis): string => `${duration(Math.max(0, nowWallMs - atWallMs))} ago`

/** Beyond the last bound of a histogram nothing is known, and JSON knows no infinity. */
const within = (ms: Millis | undefined): string => (Number.isFinite(ms) ? duration(ms ?? 0) : 'over a minute')
