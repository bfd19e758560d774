// Virtual time for whole processes: Node's own timers and clocks, replaced before any library has taken hold of them.
// Import this first.

import { install } from '@sinonjs/fake-timers'

const timers = install({
  now: Date.UTC(2026, 0, 1),
  toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'],
})

/** Resolves when all promises that could be kept have been: ticks come after them. */
const settled = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve))

/** Leaps from timer to timer until `work` is done; timers that are left over are dropped. @throws what `work` throws */
export const inVirtualTime = async (work: () => Promise<void>): Promise<void> => {
  let done = false
  const finish = () => {
    done = true
  }
  const working = work()
  working.then(finish, finish)
  await settled()
  while (!done) {
    timers.next()
    await settled()
  }
  timers.reset()
  await working
}
