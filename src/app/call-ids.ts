// Names for calls, in answers and logs.

import { randomBytes } from 'node:crypto'

/** Ids that differ between calls and between processes, for eight digits of randomness and a count. */
export const callIds = (): (() => string) => {
  const run = randomBytes(4).toString('hex')
  let count = 0
  return () => `${run}-${(++count).toString(36)}`
}
