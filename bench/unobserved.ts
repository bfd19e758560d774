// Loaded before weir (`node --import`): leaves out what watches calls from beside (history, who spent it, statistics, alerts,
// failures), so that its price can be measured. What app.ts imports for that is taken from `blind.ts` instead; that nothing is
// seen any more is looked at by the benchmark and by a test, through the admin port.

import { registerHooks } from 'node:module'

const APP = '/src/app/app.ts'
const SEEING = ['/src/app/watch.ts', '/src/observe/history.ts', '/src/observe/spenders.ts']
const BLIND = new URL('blind.ts', import.meta.url).href

registerHooks({
  resolve(specifier, context, nextResolve) {
    const resolved = nextResolve(specifier, context)
    const left = context.parentURL?.endsWith(APP) === true && SEEING.some((end) => resolved.url.endsWith(end))
    return left ? { ...resolved, url: BLIND } : resolved
  },
})
