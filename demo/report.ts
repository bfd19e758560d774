// What a run came to, two runs side by side, and what is to be seen in them. What the exchange is said to have done is
// its own count.

import type { Exchange } from '../test/support/exchange/exchange.ts'
import type { Tally } from './client.ts'

export interface Outcome {
  readonly bots: Tally
  readonly seconds: number
  /** Calls that arrived at the exchange, and those it served. */
  readonly arrived: number
  readonly served: number
  readonly rateLimit: number
  readonly tooMany: number
  readonly status429: number
  readonly invalidNonce: number
  readonly lockedOut: number
  readonly lockouts: number
}

/** Reads the exchange's notebook at the end of a run. */
export const outcomeOf = (exchange: Exchange, tallies: readonly Tally[], seconds: number): Outcome => {
  const refused = (...reasons: string[]) => exchange.calls.filter(({ reason }) => reasons.includes(reason)).length
  const { calls, byVerdict, lockouts } = exchange.report()
  return {
    bots: sumOf(tallies),
    seconds,
    arrived: calls,
    served: byVerdict.served ?? 0,
    rateLimit: refused('EAPI:Rate limit exceeded', 'EOrder:Rate limit exceeded'),
    tooMany: refused('EGeneral:Too many requests'),
    status429: refused('rate_limit_exceeded'),
    invalidNonce: refused('EAPI:Invalid nonce'),
    lockedOut: refused('EGeneral:Temporary lockout'),
    lockouts,
  }
}

/** Calls that the exchange did not serve, whatever it said. */
export const complaints = (run: Outcome): number => run.arrived - run.served

/** Two columns of numbers, at most 80 characters wide. */
export const compare = (without: Outcome, through: Outcome): string => {
  const row = (name: string, of: (run: Outcome) => number | string) =>
    `  ${name.padEnd(46)}${String(of(without)).padStart(14)}${String(of(through)).padStart(14)}`
  const own = (name: string, of: (run: Outcome) => number | string) =>
    `  ${name.padEnd(46)}${'-'.padStart(14)}${String(of(through)).padStart(14)}`
  return [
    `  ${''.padEnd(46)}${'without weir'.padStart(14)}${'through weir'.padStart(14)}`,
    row('calls the bots made', ({ bots }) => bots.calls),
    row('calls that reached the exchange', ({ arrived }) => arrived),
    row('  served', ({ served }) => served),
    row('  refused: rate limit exceeded', ({ rateLimit }) => rateLimit),
    row('  refused: too many requests', ({ tooMany }) => tooMany),
    row('  refused: HTTP status 429', ({ status429 }) => status429),
    row('  refused: invalid nonce', ({ invalidNonce }) => invalidNonce),
    row('  refused: key locked out', ({ lockedOut }) => lockedOut),
    row('lockouts of a key (15 minutes each)', ({ lockouts }) => lockouts),
    '',
    own('calls that weir let wait', ({ bots }) => bots.waited),
    own('  seconds they waited, on average', ({ bots }) =>
      (bots.waitedMs / Math.max(1, bots.waited) / 1000).toFixed(1),
    ),
    own('calls that weir answered from its cache', ({ bots }) => bots.cached),
    own('calls that weir refused; the bot came back', ({ bots }) => bots.refusedByWeir),
    '',
    row('jobs the bots had', ({ bots }) => bots.jobs),
    row('jobs they gave up', ({ bots }) => bots.failed),
    row('seconds until the last bot was done', ({ seconds }) => seconds.toFixed(1)),
  ].join('\n')
}

/** One paragraph, made of the numbers above it. */
export const explain = (without: Outcome, through: Outcome): string => {
  const { bots } = through
  const locked = without.lockouts > 0 ? ', until Kraken locked the key for 15 minutes' : ''
  return wrapped(
    `Each bot counts its own calls only. Together they went over what one address and one key may do, so the exchange ` +
      `said no ${complaints(without)} times. Two bots share a key; calls overtook each other and nonces arrived out of ` +
      `order${locked}. The bots gave up ${without.bots.failed} of ${without.bots.jobs} jobs. Through weir all calls are ` +
      `counted in one place and the nonces of a key leave in order: the exchange said no ${complaints(through)} times. ` +
      `The price is waiting: ${bots.waited} calls waited, and weir refused ${bots.refusedByWeir} before they reached ` +
      `the exchange, since they would have waited too long or their nonce was overtaken. The bots tried those again and ` +
      `${bots.failed === 0 ? 'every job was done' : `gave up ${bots.failed} of ${bots.jobs} jobs`}.`,
  )
}

const wrapped = (text: string): string => text.replace(/(.{1,76})(?: |$)/g, '  $1\n').trimEnd()

const sumOf = (tallies: readonly Tally[]): Tally => {
  const sum = (of: (tally: Tally) => number) => tallies.reduce((total, tally) => total + of(tally), 0)
  return {
    jobs: sum(({ jobs }) => jobs),
    failed: sum(({ failed }) => failed),
    calls: sum(({ calls }) => calls),
    waited: sum(({ waited }) => waited),
    waitedMs: sum(({ waitedMs }) => waitedMs),
    cached: sum(({ cached }) => cached),
    refusedByWeir: sum(({ refusedByWeir }) => refusedByWeir),
  }
}
