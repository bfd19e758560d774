import { defineConfig } from 'vitest/config'
import { Summary } from './test/support/summary.ts'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/support/stay-here.ts'],
    reporters: ['default', new Summary()],
    // For machines with two busy cores; a test that waits for the clock says so itself.
    testTimeout: 15_000,
    hookTimeout: 30_000,
  },
})
