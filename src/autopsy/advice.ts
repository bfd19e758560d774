// What to do about refusals that repeat: a pure function from what is on file of a bucket to one recommendation, in plain words
// with the numbers it rests on.

import type { Advice, Autopsy, Cause, Recommendation } from '../core/autopsy.ts'
import type { Scope } from '../core/rules.ts'
import type { Millis, Tokens } from '../core/units.ts'
import { lowerTierOf } from './diagnose.ts'

/** So many of one kind say what to do. */
const ENOUGH = 3

/** One refusal, as it is counted. */
export interface Case extends Autopsy {
  readonly atWallMs: Millis
  readonly class: string
}

/** An answer that told of less left than weir's own calls can have spent. */
export interface Shortfall {
  readonly atWallMs: Millis
  readonly class: string
  readonly tokens: Tokens
}

/** What the last hour knows of one bucket rule, oldest first. */
export interface BucketFile {
  readonly exchange: string
  readonly bucket: string
  readonly cases: readonly Case[]
  readonly shortfalls: readonly Shortfall[]
  /** Calls that passed since the first refusal, by class. */
  readonly passed: ReadonlyMap<string, number>
}

/** The recommendation that the newest entry, of that cause, makes or confirms; undefined while it is one of too few. */
export const adviceOn = (file: BucketFile, cause: Cause): Recommendation | undefined => {
  const kind = file.cases.filter((one) => one.cause === cause)
  const last = kind.at(-1)
  const alike = kind.filter((one) => one.class === last?.class)
  if (last === undefined || alike.length < ENOUGH) {
    return cause === 'unexplained' && file.shortfalls.length >= ENOUGH ? onShortfalls(file) : undefined
  }
  const said = (advice: Advice, text: string, cases: readonly Case[] = alike): Recommendation => ({
    advice,
    exchange: file.exchange,
    bucket: file.bucket,
    class: last.class,
    text: `${file.bucket}: ${cases.length} calls${advice === 'raise_cost' ? '' : ` (last: ${last.class})`} ${text}`,
    ...span(cases),
  })
  switch (cause) {
    case 'cold_start':
      return said('cold_start', coldStart(last))
    case 'steps':
      return said('margin', steps(last))
    case 'lower_tier':
      return said('lower_tier', lowerTier(last))
    case 'unexplained': {
      const onlyThis = kind.length === alike.length && othersPass(file, last.class)
      return onlyThis ? said('raise_cost', cost(last, file)) : said('used_outside', outside(kind), kind)
    }
    default:
      return undefined
  }
}

/** Were the budget spent elsewhere, other classes would be refused as well. */
const othersPass = ({ passed }: BucketFile, id: string): boolean => {
  const mine = passed.get(id) ?? 0
  const others = [...passed].reduce((sum, [name, count]) => (name === id ? sum : sum + count), 0)
  return others >= Math.max(mine, ENOUGH)
}

const outside = (cases: readonly Case[]): string => {
  const last = cases.at(-1)
  const rooms = cases.map(({ room }) => room)
  const left = `${number(Math.min(...rooms))} to ${number(Math.max(...rooms))}`
  const scopes = last?.scopes ?? []
  const share = Math.round((1 - Math.min(...cases.map((one) => one.share))) * 100)
  const keep = share > 0 ? ` leave it its part (headroom: ${share}%),` : ''
  return (
    `were refused in ${minutes(cases)} with ${left} left by weir's own count: ${owner(scopes)} is used outside weir. ` +
    `Send that traffic through weir as well,${keep} or give it ${scopes.includes('ip') ? 'another address' : 'a key of its own'}.`
  )
}

const lowerTier = (last: Case): string => {
  const tier = lowerTierOf(last)
  const fits = tier === undefined ? '' : ` (${number(tier.capacity)}, ${number(tier.refill * 1000)}/s)`
  return (
    `were refused where ${number(last.capacity)} with ${number(last.refill * 1000)}/s would have had room: the tier is lower ` +
    `than configured; what passed fits tier: ${tier?.name ?? 'lower'}${fits}.`
  )
}

const cost = (last: Case, { passed }: BucketFile): string => {
  const others = [...passed].reduce((sum, [name, count]) => (name === last.class ? sum : sum + count), 0)
  return (
    `of ${last.class} were refused with ${number(last.room)} left by weir's own count, while ${others} calls of other classes ` +
    `passed: raise the cost of class ${last.class}, now ${number(last.cost)}.`
  )
}

const coldStart = (last: Case): string =>
  `were refused within ${seconds(last.knownForMs)} of the first one that weir saw: budget was spent before weir started ` +
  `(cold_start: ${last.coldStart > 0.5 ? 'half' : 'empty'}).`

const steps = (last: Case): string =>
  `were refused with ${number(last.room)} of ${number(last.capacity)} left after a rest: the counter decays in steps ` +
  `(set margin: ${Math.floor(last.margin) + 1}).`

const onShortfalls = ({ exchange, bucket, shortfalls }: BucketFile): Recommendation => {
  const tokens = shortfalls.reduce((sum, one) => sum + one.tokens, 0)
  return {
    advice: 'used_outside',
    exchange,
    bucket,
    class: shortfalls.at(-1)?.class,
    text:
      `${bucket}: ${shortfalls.length} answers told of less left than weir had spent, ${number(tokens)} in all: the limit is ` +
      'used outside weir. Send that traffic through weir as well.',
    ...span(shortfalls),
  }
}

const span = (entries: readonly { readonly atWallMs: Millis }[]) => ({
  count: entries.length,
  firstAtWallMs: entries[0]?.atWallMs ?? 0,
  lastAtWallMs: entries.at(-1)?.atWallMs ?? 0,
})

const owner = (scopes: readonly Scope[]): string => {
  if (scopes.includes('ip')) return 'this address'
  return scopes.includes('account') ? 'this account' : 'this key'
}

const minutes = (cases: readonly Case[]): string => {
  const { firstAtWallMs, lastAtWallMs } = span(cases)
  const ms = lastAtWallMs - firstAtWallMs
  return ms < 120_000 ? seconds(ms) : `${Math.round(ms / 60_000)} min`
}

const seconds = (ms: Millis): string => `${Math.max(1, Math.round(ms / 1000))} s`

const number = (value: number): string => String(Math.round(value * 100) / 100)
