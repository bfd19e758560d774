// Kept answers: those of this weir in memory, and in Redis those that weirs of one fleet share.

import type { CacheParts } from '../cache/layer.ts'
import { MemoryStore } from '../cache/memory.ts'
import { Proofs } from '../cache/proofs.ts'
import type { Clock } from '../core/clock.ts'
import type { Rules } from '../core/rules.ts'
import type { Log } from '../observe/log.ts'
import { Answers } from '../redis/answers.ts'
import type { Fleet } from './fleet.ts'

export interface KeepingParts {
  readonly rules: () => Rules
  readonly clock: Clock
  /** Undefined when nothing is shared with anybody. */
  readonly fleet: Fleet | undefined
  readonly log: Log
}

/** What the cache is made of. */
export interface Keeping extends CacheParts {
  readonly store: MemoryStore
  /** Goes by new rules. */
  retune(rules: Rules): void
}

/** Opens the cache; says so when classes would share their answers and there is nobody to share them with. */
export const openCache = ({ rules, clock, fleet, log }: KeepingParts): Keeping => {
  const store = new MemoryStore(rules().cacheBytes)
  if (fleet === undefined) warnAlone(rules(), log)
  return {
    store,
    proofs: new Proofs(clock),
    clock,
    common: fleet && new Answers({ redis: fleet.redis, clock, secret: fleet.secret, reachable: reachableIn(fleet) }),
    retune: (replaced) => {
      store.resize(replaced.cacheBytes)
      if (fleet === undefined) warnAlone(replaced, log)
    },
  }
}

const warnAlone = ({ exchanges }: Rules, log: Log): void => {
  const sharing = exchanges.flatMap(({ classes }) => classes.filter(({ cache }) => cache?.shared))
  if (sharing.length === 0) return
  const classes = sharing.map(({ id }) => id)
  log.warn('answers are shared over Redis only: without --redis, "shared" in a cache changes nothing', { classes })
}

/** The counters of an exchange are asked for all the time, and live where its answers do. */
const reachableIn =
  ({ store }: Fleet) =>
  (exchange: string): boolean =>
    store.standing().some((one) => one.exchange === exchange && one.together)
