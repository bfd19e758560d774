// A small honest ticket, with one thing changed.

import { Presence } from '../../src/core/presence.ts'
import type { Ticket } from '../../src/limit/ticket.ts'

/** A read that takes nothing and may wait for a minute. */
export const aTicket = (change: Partial<Ticket> = {}): Ticket => ({
  takes: [],
  held: true,
  bot: 'bot',
  rank: 2,
  nonce: undefined,
  bytes: 0,
  maxWaitMs: 60_000,
  tooLate: 'limit_reached',
  presence: new Presence(),
  host: 'exchange.test',
  ...change,
})
