// One bot of the sweep: wired as its users would wire it, run where everything that goes past weir is seen, and judged.

import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { errand, type Seen } from './errand.ts'
import { type Ground, type Outcome, openGround, type Way } from './isolated.ts'

type Environment = Readonly<Record<string, string>>

/** How a bot finds weir. */
export type Wiring =
  /** `weir exec` with these flags. */
  | { readonly exec: readonly string[] }
  /** Variables, as a user sets them; the proxy's address carries the bot's name. */
  | { readonly set: (weir: Way, proxy: string) => Environment }
  /** The exchanges' names lead to weir; the variables say whom to trust. */
  | { readonly mapped: (weir: Way) => Environment }
  /** By an option of the bot's own: nothing but these variables. */
  | { readonly own: (weir: Way) => Environment }

export interface Sweep extends AsyncDisposable {
  readonly weir: Way
  /** Whether what goes past weir is seen. */
  readonly isolated: boolean
  /** Runs a bot of that name to its end; everything that it called went to the exchange by weir, and nothing past it. */
  run(name: string, command: readonly string[], wiring: Wiring): Promise<Outcome>
  /** Runs it with nothing that leads to weir. */
  runLost(command: readonly string[]): Promise<Outcome>
}

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

/** Path of a program of this folder. */
export const program = (name: string): string => fileURLToPath(new URL(`./programs/${name}`, import.meta.url))

/** A Node that runs one. */
export const node = (name: string, ...args: readonly string[]): readonly string[] => [
  process.execPath,
  program(name),
  ...args,
]

/** By the variables that a user sets, besides HTTPS_PROXY those that say whom to trust. */
export const byHand = (trust: (weir: Way) => Environment): Wiring => ({
  set: (weir, proxy) => ({ HTTPS_PROXY: proxy, ...trust(weir) }),
})

export async function openSweep(): Promise<Sweep> {
  const ground = await openGround()
  return {
    weir: ground.weir,
    isolated: ground.isolated,
    run: async (name, command, wiring) => {
      const outcome = await ground.run(orderFor(ground, name, command, wiring))
      expect(outcome.status, outcome.stderr).toBe(0)
      expect(outcome.past, 'connections past weir').toBe(0)
      expect(outcome.reached.length).toBeGreaterThan(0)
      // weir lists calls, and WebSockets are none.
      const calls = outcome.reached.filter(({ verdict }) => verdict !== 'upgraded')
      expect(outcome.heard.length).toBeGreaterThanOrEqual(calls.length)
      // Java tells a proxy no name.
      const isNamed = ('exec' in wiring && !wiring.exec.includes('--java')) || 'set' in wiring
      if (isNamed) expect(outcome.heard.map(({ bot }) => bot).filter((bot) => bot !== name)).toEqual([])
      expect(outcome).toMatchObject({ violations: 0, invalidNonces: 0 })
      return outcome
    },
    runLost: (command) => ground.run({ command, env: errand('lost'), mapped: false, keys: ['lost'] }),
    [Symbol.asyncDispose]: () => ground[Symbol.asyncDispose](),
  }
}

function orderFor({ weir }: Ground, name: string, command: readonly string[], wiring: Wiring) {
  const env = errand(name)
  const order = { command, mapped: 'mapped' in wiring, keys: [name] }
  if ('set' in wiring) {
    return {
      ...order,
      env: { ...env, ...wiring.set(weir, weir.proxy.replace('//', `//${encodeURIComponent(name)}:x@`)) },
    }
  }
  if ('mapped' in wiring) return { ...order, env: { ...env, ...wiring.mapped(weir) } }
  if ('own' in wiring) return { ...order, env: { ...env, ...wiring.own(weir) } }
  const host = (url: string): string => new URL(url).host
  const at = ['--listen', host(weir.proxy), '--admin', host(weir.admin), '--state-dir', weir.stateDir]
  return {
    ...order,
    command: [process.execPath, MAIN, 'exec', ...at, '--name', name, ...wiring.exec, '--', ...command],
    env,
  }
}

/** A bot of an HTTP client was served twice and refused once, and was told of it as its users expect. */
export function expectServed({ stdout, reached }: Outcome, error: string, agent: RegExp): void {
  const seen = JSON.parse(stdout) as Seen
  expect(seen.good).toMatchObject({ status: 200, body: { error: [], result: { XXBTZUSD: {} } } })
  expect(seen.good.decision).toMatch(/^(forwarded|cached)$/)
  expect(seen.signed).toMatchObject({ status: 200, decision: 'forwarded', body: { error: [] } })
  expect(seen.refused).toMatchObject({ error, status: 429, code: 'limit_reached' })
  expect(Number(seen.refused.retryAfter)).toBeGreaterThan(60)
  expect(reached.filter(({ path }) => path === '/0/private/Balance')).toMatchObject([
    { verdict: 'served', agent: expect.stringMatching(agent) },
  ])
  // What weir refuses does not reach the exchange.
  expect(reached.filter(({ path }) => path.startsWith('/api/v3'))).toEqual([])
}
