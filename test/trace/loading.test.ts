// What is loaded of tracing: a real weir is watched from inside by a hook that writes down every module.

import { expect, it } from 'vitest'
import { openScene } from '../system/scene.ts'

const HOOK = `
  import { registerHooks } from 'node:module'
  import { writeSync } from 'node:fs'
  registerHooks({ load: (url, context, next) => { writeSync(2, 'loads ' + url + '\\n'); return next(url, context) } })
`
const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(HOOK)}`

/** Modules of weir, by their path under src/, that a weir has loaded when it has answered a call. */
const loaded = async (env: Readonly<Record<string, string>> = {}): Promise<readonly string[]> => {
  const { bot, weir } = await openScene({ env: { ...env, NODE_OPTIONS } })
  expect((await bot.send({ path: '/0/public/Ticker?pair=XBTUSD' })).decision).toBe('forwarded')
  return [...weir.logs().matchAll(/^loads file:\S*\/src\/(\S+)$/gm)].map(([, path = '']) => path)
}

it('nothing of tracing is loaded by a weir that has no collector', { timeout: 90_000 }, async () => {
  const tracing = (path: string) => path.startsWith('trace/')
  const plain = await loaded()
  expect(plain).toContain('app/tracing.ts')
  expect(plain.filter(tracing)).toEqual([])
  const traced = await loaded({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' })
  expect(traced.filter(tracing)).toEqual(expect.arrayContaining(['trace/exporter.ts', 'trace/spans.ts']))
})
