// Whether Redis drops keys when its memory is full. A bucket that is dropped is a full bucket: what was spent could be spent
// again.

import type { RedisConnection } from './connection.ts'

/** What is wrong with how a server is set up, in words that say how to mend it. */
export interface Eviction {
  /** It is bound to happen, sooner or later; else it may, or nobody can tell. */
  readonly certain: boolean
  readonly message: string
}

/** What is wrong; undefined when nothing is ever dropped. Rejects when the server does not answer. */
export const evictionOf = async (redis: RedisConnection): Promise<Eviction | undefined> => {
  let found: readonly string[]
  try {
    const [policy, memory] = await Promise.all(
      ['maxmemory-policy', 'maxmemory'].map((name) => redis.command('CONFIG', 'GET', name)),
    )
    found = [policy, memory].map((answer) => String(Array.isArray(answer) ? answer[1] : answer))
  } catch (error) {
    // Managed Redis may keep its settings to itself.
    if (!(error instanceof Error) || !/NOPERM|unknown command|not allowed/i.test(error.message)) throw error
    return { certain: false, message: SILENT }
  }
  const [policy = '', memory] = found
  if (policy === 'noeviction' || policy === '') return undefined
  if (memory !== '0') return { certain: true, message: `drops keys when its memory is full (${named(policy)}` }
  return { certain: false, message: `may drop keys if maxmemory is ever set (${named(policy)}` }
}

const SILENT = 'does not tell its maxmemory-policy: it must be noeviction, or budgets that are spent come back'

const named = (policy: string): string => `maxmemory-policy ${policy}): set it to noeviction`
