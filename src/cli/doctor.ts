// `weir doctor [-- COMMAND…]`: is the running weir in order, can it reach the exchanges, and does a bot really go through it?
// Asks weir's admin port, tries its listener as a bot would, and runs the command under a name that nobody else has.

import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { parseArgs } from 'node:util'
import { fromWire } from '../admin/wire.ts'
import { bracketed } from '../app/ways.ts'
import type { Settings } from '../config/environment.ts'
import { realClock } from '../core/clock.ts'
import type { ReachView } from '../core/views.ts'
import { complain } from './complain.ts'
import { ask, NotRunning } from './desk.ts'
import { botFindings, type HostReport, judgeBot, runBot } from './doctor-bot.ts'
import {
  authorityFinding,
  bypassFinding,
  egressFinding,
  type Finding,
  grouped,
  leafFinding,
  reachFindings,
  type Service,
  serviceFindings,
} from './doctor-checks.ts'
import { languageOf } from './doctor-fixes.ts'
import { pack, readOrder, reportOf } from './launching.ts'
import { findRunning, type Running } from './running.ts'

const USAGE = `Usage: weir doctor [--json] [--for SECONDS] [--name BOT] [--no-hooks] [--java] [-- COMMAND…]

  weir doctor
  weir doctor -- python bot.py

  --json         the report for programs, on standard output
  --for SECONDS  how long COMMAND may run before it is told to stop; 30 unless given
  and the flags of weir exec`

const DEFAULT_SECONDS = 30
const PATIENCE_MS = 5000

interface Report {
  readonly findings: Finding[]
  bot?: { readonly name: string; readonly status: number | undefined; readonly hosts: readonly HostReport[] }
}

/** Status 0 when all is well; 1 when something is not; 2 when it was not understood. */
export const doctor = async (args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> => {
  const cut = args.indexOf('--')
  const words = cut < 0 ? [] : args.slice(cut + 1)
  const { json, seconds, rest } = takeFlags(cut < 0 ? args : args.slice(0, cut))
  const order = readOrder(rest, env)
  if (order.report !== undefined) return complain(order.report, 2)
  if (order.rest.length > 0 || !(seconds > 0) || (cut >= 0 && words.length === 0)) return complain(USAGE, 2)
  const report: Report = { findings: [] }
  try {
    const examined = await examine(order.settings, report)
    if (words.length > 0) await examineBot(order, words, seconds, { ...examined, json }, env, report)
  } catch (error) {
    const says = reportOf(error)
    if (says === undefined) throw error
    const fix = error instanceof NotRunning ? 'start one (weir serve)' : undefined
    report.findings.push({ subject: 'weir', verdict: 'ill', says: says.replace(/^weir: /, ''), ...(fix && { fix }) })
  }
  const ok = report.findings.every(({ verdict }) => verdict !== 'ill')
  process.stdout.write(json ? `${JSON.stringify({ ok, ...report }, null, 2)}\n` : textOf(report.findings))
  return ok ? 0 : 1
}

interface Examined {
  readonly running: Running
  readonly views: readonly ReachView[]
  /** What was found of them, in the report so far. */
  readonly reached: readonly Finding[]
}

/** Everything but the bot. @throws NotRunning */
const examine = async (settings: Settings, { findings }: Report): Promise<Examined> => {
  const detailed = JSON.parse(await ask(settings, '/health/detailed', 'application/json')) as {
    readonly version: string
    readonly services: readonly Service[]
  }
  findings.push({
    subject: 'admin port',
    verdict: 'well',
    says: `weir ${detailed.version} answers at ${bracketed(settings.admin.host)}:${settings.admin.port}`,
  })
  findings.push(...serviceFindings(detailed.services))
  const running = await findRunning(settings)
  findings.push({ subject: 'listener', verdict: 'well', says: `bots are answered at ${running.proxy}` })
  const file = join(settings.stateDir, 'ca.pem')
  findings.push(authorityFinding(running.caPem, readText(file), file, realClock.wall()))
  findings.push(leafFinding(await tryLeaves(running)))
  const { hosts: views } = fromWire(JSON.parse(await ask(settings, '/v1/reach', 'application/json', {}))) as {
    readonly hosts: readonly ReachView[]
  }
  const reached = reachFindings(views)
  findings.push(...reached, egressFinding(views))
  const bypass = bypassFinding(await ask(settings, '/metrics', 'text/plain'))
  if (bypass !== undefined) findings.push(bypass)
  return { running, views, reached }
}

const examineBot = async (
  { flags, settings }: Extract<ReturnType<typeof readOrder>, { report: undefined }>,
  words: readonly string[],
  seconds: number,
  { running, views, reached, json }: Examined & { readonly json: boolean },
  env: NodeJS.ProcessEnv,
  report: Report,
): Promise<void> => {
  const name = `${flags.name ?? 'doctor'}-${randomBytes(3).toString('hex')}`
  const kit = pack(running, settings, flags, name, env)
  for (const note of kit.notes) process.stderr.write(`weir: ${note}\n`)
  const addresses = new Map(views.map(({ host, remote }) => [host, new Set(remote === undefined ? [] : [remote])]))
  process.stderr.write(`weir: ${words.join(' ')} runs as ${name}, for at most ${seconds} s\n`)
  const run = { words, name, kit, env, settings, addresses, atMostMs: seconds * 1000, quiet: json }
  const { gathered, status } = await runBot(run)
  const hosts = judgeBot(gathered, running.hosts)
  report.bot = { name, status, hosts }
  const called = new Set(hosts.flatMap(({ host, state }) => (state === 'not_seen' ? [] : [host])))
  const at = report.findings.findIndex((finding) => reached.includes(finding))
  report.findings.splice(at, reached.length, ...reachFindings(views, called))
  const places = {
    proxy: running.proxy,
    ca: join(settings.stateDir, 'ca.pem'),
    bundle: join(settings.stateDir, 'bundle.pem'),
  }
  report.findings.push(...botFindings(hosts, languageOf(words, env.PATH), places))
}

/** What is wrong with the certificate of each host, as a client would find; undefined where nothing is. */
const tryLeaves = async ({ proxy, hosts, caPem }: Running): Promise<ReadonlyMap<string, string | undefined>> => {
  const { hostname, port } = new URL(`http://${proxy}`)
  const tried = hosts.map(
    (servername) =>
      new Promise<readonly [string, string | undefined]>((resolve) => {
        const socket = connect({
          host: hostname.replace(/^\[|\]$/g, ''),
          port: Number(port || 80),
          servername,
          ca: caPem,
        })
        socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error('no answer')))
        socket.once('error', (error) => resolve([servername, error.message]))
        socket.once('secureConnect', () => {
          socket.end()
          resolve([servername, undefined])
        })
      }),
  )
  return new Map(await Promise.all(tried))
}

const MARKS = { well: 'ok  ', doubtful: 'look', ill: 'ILL ' } as const

const textOf = (all: readonly Finding[]): string => {
  const findings = grouped(all)
  const width = Math.max(...findings.map(({ subject }) => (subject.length < 40 ? subject.length : 0)))
  const rows = findings.map(({ subject, verdict, says, fix }) => {
    const advice = fix === undefined ? '' : `      ${''.padEnd(width)}  → ${fix}\n`
    return `${MARKS[verdict]}  ${subject.padEnd(width)}  ${says}\n${advice}`
  })
  const ill = findings.filter(({ verdict }) => verdict === 'ill').length
  return `${rows.join('')}${ill === 0 ? 'All is well.' : `${ill} to mend.`}\n`
}

const takeFlags = (args: readonly string[]): { json: boolean; seconds: number; rest: readonly string[] } => {
  const options = { json: { type: 'boolean' }, for: { type: 'string' } } as const
  const { tokens, values } = parseArgs({ args: [...args], options, strict: false, tokens: true })
  const ours = new Set<number>()
  for (const token of tokens) {
    if (token.kind !== 'option' || !(token.name in options)) continue
    ours.add(token.index)
    if (token.name === 'for' && token.inlineValue === false) ours.add(token.index + 1)
  }
  const rest = args.filter((_, at) => !ours.has(at))
  return { json: values.json === true, seconds: Number(values.for ?? DEFAULT_SECONDS), rest }
}

const readText = (file: string): string | undefined => {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
