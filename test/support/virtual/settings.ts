// limits.yaml as it is shipped, but for what a scene needs to be otherwise.

import { readFileSync } from 'node:fs'
import { parse } from 'yaml'

/**
 * The shipped limits.yaml as text, of one exchange, with changes to it and to classes of it, and with as long a wait as a
 * batch of calls takes. (For a bot that trades, the shipped wait is the better one.)
 */
export function shippedBut(exchange: string, maxWait: string, changes: object = {}, classes: Classes = {}): string {
  const limits = parse(readFileSync(new URL('../../../limits.yaml', import.meta.url), 'utf8')) as Shipped
  const { defaults, exchanges } = limits
  const shipped = exchanges[exchange]
  if (shipped === undefined) throw new Error(`limits.yaml has no ${exchange}`)
  const changed = Object.entries(classes).map(([name, change]) => [name, { ...shipped.classes[name], ...change }])
  return JSON.stringify({
    ...limits,
    defaults: { ...defaults, max_wait: maxWait },
    exchanges: {
      [exchange]: { ...shipped, ...changes, classes: { ...shipped.classes, ...Object.fromEntries(changed) } },
    },
  })
}

type Classes = Readonly<Record<string, object>>

interface Shipped {
  readonly defaults: object
  readonly exchanges: Readonly<Record<string, { readonly classes: Classes }>>
}
