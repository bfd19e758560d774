// How the tests run: what only reckons shares its processes; what has sockets, processes and a clock has each file to itself.

import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { LongestFirst } from './test/support/longest-first.ts'
import { Summary } from './test/support/summary.ts'

/** Folders whose tests hold no socket, no process and no real clock: for these a process of their own would cost most. */
const RECKONING = ['autopsy', 'breaker', 'cache', 'classify', 'coalesce', 'config', 'core', 'failures', 'identify', 'limit']
  .concat(['lockout', 'orders', 'plan', 'rescue', 'rules'])
  .map((folder) => `test/${folder}/**/*.test.ts`)

export default defineConfig({
  test: {
    setupFiles: ['test/support/stay-here.ts'],
    reporters: ['default', new Summary()],
    sequence: { sequencer: LongestFirst },
    // Of this process and of most that tests start: the same programs over and over.
    env: { NODE_COMPILE_CACHE: fileURLToPath(new URL('./node_modules/.cache/weir-compiled', import.meta.url)) },
    // For machines with two busy cores; a test that waits for the clock says so itself.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'real',
          include: ['test/**/*.test.ts'],
          exclude: RECKONING,
          // Most of them wait for the clock most of the time.
          maxWorkers: Math.ceil(1.5 * availableParallelism()),
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'reckoning',
          include: RECKONING,
          pool: 'threads',
          isolate: false,
          maxWorkers: availableParallelism(),
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})
