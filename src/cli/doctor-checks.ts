// What the facts about a running weir mean, for `weir doctor`. Pure: facts in, findings out, each with what to do.

import { X509Certificate } from 'node:crypto'
import type { Millis } from '../core/units.ts'
import type { ReachView } from '../core/views.ts'
import { counted, duration } from './words.ts'

/** One line of the report. */
export interface Finding {
  readonly subject: string
  /** `ill` is what makes the status 1. */
  readonly verdict: 'well' | 'doubtful' | 'ill'
  /** One sentence. */
  readonly says: string
  /** What to do; undefined when there is nothing to. */
  readonly fix?: string
}

/** One line of `/health/detailed`. */
export interface Service {
  readonly name: string
  readonly kind: string
  readonly status: string
  readonly message: string
}

const DAY_MS: Millis = 86_400_000
const CA_WARN_MS = 30 * DAY_MS
/** Off by more, a signature that lives for seconds may be dead on arrival (Coinbase Exchange allows 30 s, Kraken's `deadline` 5 s). */
const SKEW_ILL_MS: Millis = 5000
const SKEW_DOUBTFUL_MS: Millis = 1000

/** The root that bots trust. `copy`: what the state directory holds, undefined when it can not be read. */
export const authorityFinding = (caPem: string, copy: string | undefined, file: string, nowWallMs: Millis): Finding => {
  const subject = 'CA'
  const ends = new X509Certificate(caPem).validToDate.getTime()
  if (ends < nowWallMs) {
    return {
      subject,
      verdict: 'ill',
      says: 'has ended',
      fix: 'restart weir, which makes a new one, and let bots trust that',
    }
  }
  const until = `valid until ${new Date(ends).toISOString().slice(0, 10)}`
  if (ends - nowWallMs < CA_WARN_MS) {
    return {
      subject,
      verdict: 'doubtful',
      says: until,
      fix: 'plan a restart of weir and of its bots: a new one must be trusted',
    }
  }
  if (copy === undefined || copy.trim() !== caPem.trim()) {
    const fix = `give --state-dir of the weir that runs, or fetch its root: GET /ca.pem of the admin port`
    return { subject, verdict: 'doubtful', says: `${until}, but ${file} is not the one in use`, fix }
  }
  return { subject, verdict: 'well', says: `${until}, in ${file}` }
}

/** Certificates that weir shows to bots: what went wrong, by host. */
export const leafFinding = (faults: ReadonlyMap<string, string | undefined>): Finding => {
  const bad = [...faults].filter(([, fault]) => fault !== undefined)
  const subject = 'certificates'
  if (bad.length === 0) return { subject, verdict: 'well', says: `${counted(faults.size, 'host')} answered for` }
  const says = bad.map(([host, fault]) => `${host}: ${fault}`).join('; ')
  return { subject, verdict: 'ill', says, fix: 'see the log of weir; a restart issues certificates anew' }
}

/** Parts and configuration, as weir itself judges them. */
export const serviceFindings = (services: readonly Service[]): readonly Finding[] =>
  services
    .filter(({ kind }) => kind !== 'exchange')
    .map(({ name, kind, status, message }) => {
      const finding = { subject: name, verdict: VERDICTS.get(status) ?? ('doubtful' as const), says: message }
      return kind === 'config' && status !== 'healthy' ? { ...finding, fix: 'run `weir check`' } : finding
    })

const VERDICTS: ReadonlyMap<string, Finding['verdict']> = new Map([
  ['healthy', 'well'],
  ['degraded', 'doubtful'],
  ['unhealthy', 'ill'],
])

/** One exchange host: can weir reach it, and do the clocks agree? */
export const reachFinding = (view: ReachView): Finding => {
  const subject = view.host
  if (view.error !== undefined) {
    return { subject, verdict: 'ill', says: `can not be reached: ${view.error}`, fix: reachFix(view, view.error) }
  }
  const way = view.rerouted === undefined ? '' : ', by --connect-to'
  const says = `reached at ${view.remote ?? '?'} in ${duration(view.tookMs)}${way}`
  const { skewMs, skewErrorMs = 0 } = view
  if (skewMs === undefined) return { subject, verdict: 'well', says }
  const sure = Math.max(0, Math.abs(skewMs) - skewErrorMs)
  const side = skewMs < 0 ? 'ahead of' : 'behind'
  if (sure < SKEW_DOUBTFUL_MS) return { subject, verdict: 'well', says: `${says}; clocks agree` }
  return {
    subject,
    verdict: sure < SKEW_ILL_MS ? 'doubtful' : 'ill',
    says: `${says}; the clock here is at least ${duration(sure)} ${side} the exchange's`,
    fix: 'set the clock (timedatectl set-ntp true): signatures carry the time',
  }
}

/** All exchange hosts. Once it is known which of them the bot called, the others are no reason to worry. */
export const reachFindings = (views: readonly ReachView[], called?: ReadonlySet<string>): readonly Finding[] =>
  views.map((view) => {
    const finding = reachFinding(view)
    if (finding.verdict !== 'ill' || called === undefined || called.has(view.host)) return finding
    return { ...finding, verdict: 'doubtful', says: `${finding.says} (the bot did not call it)` }
  })

/** For people: what is said of several hosts in the same words is one line that names them. */
export const grouped = (findings: readonly Finding[]): readonly Finding[] => {
  const groups = Map.groupBy(findings, ({ subject, verdict, says, fix = '' }) =>
    verdict === 'well' ? subject + says : [verdict, says, fix].join('\n').replaceAll(subject, '\0'),
  )
  return [...groups.values()].flatMap((group) => {
    const [first] = group
    return first === undefined || group.length === 1 ? group : [together(first, group)]
  })
}

const together = (first: Finding, group: readonly Finding[]): Finding => ({
  subject: counted(group.length, 'host'),
  verdict: first.verdict,
  says: `${first.says.replaceAll(` ${first.subject}`, '')}: ${group.map(({ subject }) => subject).join(', ')}`,
  ...(first.fix === undefined ? {} : { fix: first.fix.replaceAll(first.subject, 'each') }),
})

const reachFix = ({ host, rerouted }: ReachView, error: string): string => {
  if (error.includes('leads back to weir')) return 'see docs/transparent.md'
  if (/certificate|issuer|self.signed/i.test(error)) {
    return 'somebody in between shows a certificate of its own; if it is meant to, give its root to weir with --upstream-ca FILE'
  }
  if (/ENOTFOUND|EAI_AGAIN/.test(error))
    return 'DNS does not know it from where weir runs; --dns ADDRESS names another server'
  return `let weir's machine connect to ${rerouted ?? `${host}:443`} (a firewall, or no network)`
}

/** Which of this machine's addresses calls leave from: limits by IP are counted there, or at the router in front. */
export const egressFinding = (views: readonly ReachView[]): Finding => {
  const locals = [...new Set(views.flatMap(({ local }) => local ?? []))]
  const subject = 'way out'
  if (locals.length === 0)
    return { subject, verdict: 'doubtful', says: 'no exchange was reached, so nothing is known of it' }
  const shared = 'whatever else uses the same public address spends the same limits'
  if (locals.length === 1)
    return { subject, verdict: 'well', says: `from ${locals[0]}, one for all exchanges; ${shared}` }
  return {
    subject,
    verdict: 'doubtful',
    says: `from ${locals.join(' and ')}; weir counts limits by IP as if these were one; ${shared}`,
  }
}

/** The counter of refusals by an exchange that weir's own counting does not explain, summed over its labels. */
export const bypassFinding = (metrics: string): Finding | undefined => {
  const rows = [...metrics.matchAll(/^\w*bypass_suspected_total(?:\{([^}]*)\})? ([\d.e+]+)$/gm)]
  const loud = rows.filter(([, , count]) => Number(count) > 0)
  const subject = 'beside weir'
  if (rows.length === 0) return undefined
  if (loud.length === 0) return { subject, verdict: 'well', says: 'no exchange has refused what weir had budget for' }
  const where = loud.map(([, labels = '', count]) => `${count} times (${labels.replaceAll('"', '')})`).join(', ')
  return {
    subject,
    verdict: 'doubtful',
    says: `an exchange refused calls that weir had budget for: ${where}`,
    fix: 'something else spends these limits: find the program that uses the key or the address without weir',
  }
}
