// Loaded before weir (`node --import`): leaves out what watches calls from beside (history, who spent it, statistics, alerts,
// failures), so that its price can be measured. Ends the process when weir is not put together as expected any more.

import { registerHooks } from 'node:module'

const APP = '/src/app/app.ts'
const OBSERVERS = [
  'observers.push(history.observer, spenders.observer)',
  'observers.push(...watch.observers)',
  'history.start()',
  'watch.start()',
]

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context)
    if (!url.endsWith(APP)) return loaded
    let source = String(loaded.source)
    for (const line of OBSERVERS) {
      if (!source.includes(line)) throw new Error(`${APP} does not say "${line}" any more`)
      source = source.replace(line, '')
    }
    return { ...loaded, source }
  },
})
