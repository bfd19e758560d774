// The last line of a test run: what passed and what did not, for people in a hurry and for machines.

import type { Reporter, TestModule } from 'vitest/node'

/** Prints `123 passed, 0 failed`. Skipped tests are told when there are any; they are neither. */
export class Summary implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    const count = { passed: 0, failed: unhandled.length, skipped: 0, pending: 0 }
    for (const module of modules) {
      // A file that could not be loaded, or whose hooks failed, has no failed test of its own.
      count.failed += module.errors().length
      for (const test of module.children.allTests()) count[test.result().state] += 1
    }
    const failed = count.failed + count.pending
    const skipped = count.skipped === 0 ? '' : `, ${count.skipped} skipped`
    process.stdout.write(`\n${count.passed} passed, ${failed} failed${skipped}\n`)
  }
}
