// What limits.yaml says of the bot behind a call: its own entry by name, and the patience of the client it runs on.

import type { Call } from '../core/call.ts'
import { field } from '../core/headers.ts'
import type { BotRule, Rules } from '../core/rules.ts'
import type { Millis } from '../core/units.ts'

/** Texts of User-Agent remembered; they come from bots. */
const KEPT = 256

/** The part of the rules that speaks of bots. */
export type BotRules = Pick<Rules, 'bots' | 'clients'>

/** Both undefined where the rules say nothing. */
export interface Manners {
  readonly manners: BotRule | undefined
  readonly patienceMs: Millis | undefined
}

/** Finds what is said of a call's bot. Remembers the clients it has met until the rules are replaced. */
export const mannersBy = (rules: () => BotRules): ((call: Call) => Manners) => {
  let current = rules()
  let patience = new Map<string, Millis | undefined>()
  return ({ bot, request }) => {
    const now = rules()
    if (now !== current) {
      current = now
      patience = new Map()
    }
    const { bots, clients } = now
    const manners = bots.size === 0 ? undefined : bots.get(bot)
    const agent = clients.length === 0 ? undefined : field(request.headers, 'user-agent')
    if (agent === undefined) return { manners, patienceMs: undefined }
    const known = patience.get(agent)
    if (known !== undefined || patience.has(agent)) return { manners, patienceMs: known }
    const lower = agent.toLowerCase()
    const patienceMs = clients.find((client) => lower.startsWith(client.agent))?.maxWaitMs
    if (patience.size >= KEPT) patience.clear()
    patience.set(agent, patienceMs)
    return { manners, patienceMs }
  }
}
