// The rules at a glance, for `weir check`: what limits.yaml amounts to when it has no mistakes.

import { type BucketRule, type ExchangeRule, isGate, type Rules } from '../core/rules.ts'
import { amount, counted, duration } from './words.ts'

/** Each exchange with its hosts and its limits. */
export const rulesText = (file: string, rules: Rules): string => {
  const classes = rules.exchanges.reduce((sum, exchange) => sum + exchange.classes.length, 0)
  const sizes = [
    counted(rules.exchanges.length, 'exchange'),
    counted(rules.hosts.size, 'host'),
    counted(classes, 'class', 'classes'),
  ]
  const exchanges = rules.exchanges.map((exchange) => exchangeText(exchange, hostsOf(rules, exchange)))
  return `${file}: no problems. ${sizes.join(', ')}.\n${exchanges.join('')}`
}

const hostsOf = ({ hosts }: Rules, exchange: ExchangeRule): string[] =>
  [...hosts.values()].filter((host) => host.exchange === exchange).map(({ host }) => host)

const exchangeText = ({ name, buckets, classes }: ExchangeRule, hosts: readonly string[]): string => {
  const width = Math.max(0, ...buckets.map((bucket) => bucket.name.length))
  const rows = buckets.map((bucket) => `  ${bucket.name.padEnd(width)}  ${limitText(bucket)}\n`)
  const shadow = classes.filter(({ enforce }) => enforce === 'shadow').map((rule) => rule.name)
  const note = shadow.length === 0 ? '' : `  in shadow, so never held back: ${shadow.join(', ')}\n`
  return `\n${name}${hosts.length === 0 ? '' : `: ${hosts.join(', ')}`}\n${rows.join('')}${note}`
}

/** One limit in words: `15 at once, then 0.33 per second, per API key`. */
export const limitText = (bucket: BucketRule): string => {
  const scope = bucket.scopes.map((one) => SCOPES[one]).join(' and ')
  if (isGate(bucket)) return `open until the exchange closes it, per ${scope}`
  const limit =
    bucket.kind === 'bucket'
      ? `${amount(bucket.capacity)} at once, then ${rate(bucket.refill)}`
      : `${amount(bucket.limit)} in any ${duration(bucket.everyMs)}`
  return `${limit}, per ${scope}`
}

const SCOPES = { ip: 'address', key: 'API key', account: 'account', pair: 'pair' } as const

const rate = (perMs: number): string =>
  perMs * 1000 >= 0.1 ? `${amount(perMs * 1000)} per second` : `${amount(perMs * 60_000)} per minute`
