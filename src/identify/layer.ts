// Whose limits does a call spend, and what does limits.yaml say of its bot? Buckets, lanes and caches are keyed by the answer,
// so nothing leaks between keys.

import type { Call, IdentifiedCall, Identity } from '../core/call.ts'
import { WeirError } from '../core/errors.ts'
import type { HostRule } from '../core/rules.ts'
import type { Layer } from '../core/stack.ts'
import { credentialId, type Fingerprints } from './credential.ts'
import { type BotRules, mannersBy } from './manners.ts'

export interface IdentifyDeps {
  readonly host: (name: string) => HostRule | undefined
  readonly fingerprints: Fingerprints
  readonly rules: () => BotRules
}

/** Adds the identity. @throws WeirError `host_not_allowed` */
export const identify =
  ({ host, fingerprints, rules }: IdentifyDeps): Layer<Call, IdentifiedCall> =>
  (next) => {
    const mannersOf = mannersBy(rules)
    return (call) => {
      const rule = host(call.request.host)
      if (rule === undefined) return Promise.reject(new WeirError('host_not_allowed'))
      const { credential: sources, accounts } = rule.exchange
      const id = credentialId(sources, call.request.headers)
      const { manners, patienceMs } = mannersOf(call)
      if (id === undefined) return next({ ...call, identity: ANONYMOUS, manners, patienceMs })
      const credential = fingerprints.of(id)
      const account = accounts.get(id) ?? credential
      call.record.credential = credential
      return next({ ...call, identity: { credential, account }, manners, patienceMs })
    }
  }

const ANONYMOUS: Identity = { credential: undefined, account: undefined }
