// A weir that can not start because of its Redis.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect } from 'vitest'

/** Runs `weir serve` that is expected to give up; what it said. */
export const refusal = async (
  url: string,
  stateDir: string,
  env: Readonly<Record<string, string>> = {},
): Promise<string> => {
  const ports = ['--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0']
  const child = spawn(process.execPath, ['src/main.ts', 'serve', ...ports, '--state-dir', stateDir, '--redis', url], {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece) => (said += String(piece)))
  const [code] = (await once(child, 'close')) as [number | null]
  expect({ code, said }).toMatchObject({ code: 1 })
  return said
}
