// Weirs that start together had their first calls refused: as long as a weir has no share of a limit nothing fits, and that
// was taken for a wait without end. A share is there a moment later.

import { expect, it } from 'vitest'
import { openPair } from './pair.ts'

it('the first call of a fleet that has just started waits for its share, and goes', { timeout: 40_000 }, async () => {
  const { exchange, one, other } = await openPair()
  const answers = await Promise.all([one, other].map(({ bot }) => bot.send({ path: '/0/public/Time' })))
  expect(answers.map(({ decision, status }) => [decision, status])).toEqual([
    ['forwarded', 200],
    ['forwarded', 200],
  ])
  expect(exchange.violations).toEqual([])
})
