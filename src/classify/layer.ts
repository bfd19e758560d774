// Which class is a call of? Every path of an exchange has one: what nobody has heard of is limited like a write.

import type { ClassifiedCall, IdentifiedCall } from '../core/call.ts'
import { WeirError } from '../core/errors.ts'
import type { HostRule } from '../core/rules.ts'
import type { Layer } from '../core/stack.ts'
import { readFacts } from './facts.ts'
import type { PairsOf } from './pair.ts'

export interface ClassifyDeps {
  readonly host: (name: string) => HostRule | undefined
  readonly pairsOf: PairsOf
}

/** Adds the endpoint class and what its price depends on. */
export const classify =
  ({ host, pairsOf }: ClassifyDeps): Layer<IdentifiedCall, ClassifiedCall> =>
  (next) =>
  (call) => {
    const { request, record } = call
    const rule = host(request.host)?.classify(request.method, request.path)
    if (rule === undefined) return Promise.reject(new WeirError('host_not_allowed'))
    record.exchange = rule.exchange.name
    record.class = rule.id
    return next({ ...call, rule, facts: readFacts(request, rule, pairsOf) })
  }
