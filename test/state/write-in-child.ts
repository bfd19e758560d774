// Opens a state directory in a process of its own: node write-in-child.ts DIR COUNT NAME. Writes levels NAME-1 to NAME-COUNT
// and prints each number once its write has returned; with COUNT 0 prints the secret alone. Endless with COUNT `forever`.

import { writeSync } from 'node:fs'
import { setImmediate as breathe } from 'node:timers/promises'
import { realClock } from '../../src/core/clock.ts'
import { Database } from '../../src/state/database.ts'

const [dir = '', count = '0', name = 'key'] = process.argv.slice(2)
const database = new Database(dir, realClock)
writeSync(1, `${database.secret().toString('hex')}\n`)
const last = count === 'forever' ? Number.POSITIVE_INFINITY : Number(count)
for (let index = 1; index <= last; index += 1) {
  database.saveLevel(`${name}-${index % 50}`, () => ({ index }), true)
  database.saveLevel(`${name}-late`, () => ({ index }), false)
  // What is over the direct writes of a slot is gathered, and printed only once it is on record.
  database.flush()
  writeSync(1, `${index}\n`)
  if (index % 20 === 0) await breathe()
}
database.close()
