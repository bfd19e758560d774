import { expect, it } from 'vitest'
import { Notes } from '../../src/app/notes.ts'
import type { InboundEvent } from '../../src/inbound/settings.ts'
import { createLog } from '../../src/observe/log.ts'
import { FakeClock } from '../support/fake-clock.ts'

const LOST: InboundEvent = { type: 'answer.lost', host: 'api.kraken.com', code: 'internal', reason: 'headers' }

// A bot that polled what can not be relayed filled the log, a line for each call.
it('an answer that is lost is told once a minute for each host and reason', () => {
  const lines: string[] = []
  const clock = new FakeClock()
  const notes = new Notes(createLog('info', { write: (line) => void lines.push(line) }), clock)
  for (let call = 0; call < 100; call += 1) notes.note(LOST)
  expect(lines).toHaveLength(1)
  notes.note({ ...LOST, host: 'api.coinbase.com' })
  notes.note({ ...LOST, type: 'handshake.failed' })
  expect(lines).toHaveLength(3)
  clock.advance(60_000)
  notes.note(LOST)
  expect(lines).toHaveLength(4)
})
