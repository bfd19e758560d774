// A command run under a name of its own, watched from weir's side and from its own: which exchange hosts did it reach through
// weir, where did it turn away from the certificate, and where did it go past?

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fromWire } from '../admin/wire.ts'
import { isOwnAddress } from '../app/resolver.ts'
import type { Settings } from '../config/environment.ts'
import { realClock, type Timer } from '../core/clock.ts'
import type { Millis } from '../core/units.ts'
import type { CallView, HandshakeView } from '../core/views.ts'
import { remoteEnds } from './connections.ts'
import { ask } from './desk.ts'
import type { Finding } from './doctor-checks.ts'
import { type Language, type Places, routeFix, trustFix } from './doctor-fixes.ts'
import type { Kit } from './launching.ts'
import { counted } from './words.ts'

/** What is known of one host after the run. */
export interface HostReport {
  readonly host: string
  readonly state: 'seen' | 'not_seen' | 'past_weir' | 'distrusts'
  readonly calls: number
  readonly webSockets: number
  /** Reasons for which handshakes failed, as weir heard them. */
  readonly handshakes: readonly string[]
  /** Addresses of the host that the command was connected to itself. */
  readonly direct: readonly string[]
  /** True when what was seen came without the bot's name, so it may be another bot's of this machine. */
  readonly unnamed: boolean
}

/** What was gathered while the command ran. */
export interface Gathered {
  readonly name: string
  readonly sinceWallMs: Millis
  readonly calls: readonly Pick<CallView, 'bot' | 'host' | 'atWallMs'>[]
  readonly handshakes: readonly HandshakeView[]
  /** `ADDRESS:PORT` of every connection that was open at some look. */
  readonly ends: ReadonlySet<string>
  /** `ADDRESS:PORT` of each host. */
  readonly addresses: ReadonlyMap<string, ReadonlySet<string>>
}

export interface Run {
  readonly words: readonly string[]
  readonly name: string
  readonly kit: Kit
  readonly env: NodeJS.ProcessEnv
  readonly settings: Settings
  /** Where weir leads, as `ADDRESS:PORT`, by host. */
  readonly addresses: Gathered['addresses']
  /** It is told to stop after this. */
  readonly atMostMs: Millis
  /** What it writes goes to standard error: standard output is a machine's. */
  readonly quiet: boolean
}

const LOOK_EVERY_MS: Millis = 200
const LAST_WORD_MS: Millis = 3000
const MOST_CALLS = 500

/** Runs the command; resolves with what was gathered and how it ended (undefined: it was told to stop). Rejects when it can not start. */
export const runBot = async (
  run: Run,
): Promise<{ readonly gathered: Gathered; readonly status: number | undefined }> => {
  const set = Object.fromEntries(run.kit.rows.map(({ name, value }) => [name, value]))
  const sinceWallMs = realClock.wall()
  const [command = '', ...words] = run.words
  // A group of its own, so that what it starts can be ended with it.
  const child = spawn(command, words, {
    env: { ...run.env, ...set },
    stdio: ['ignore', run.quiet ? 2 : 'inherit', 'inherit'],
    detached: true,
  })
  const { ended, stop } = lifeOf(child, run.atMostMs)
  let running = true
  const over = (): void => {
    running = false
  }
  ended.then(over, over)
  const calls = new Map<string, CallView>()
  const ends = new Set<string>()
  const look = async (): Promise<void> => {
    for (const end of remoteEnds(child.pid ?? 0)) ends.add(end)
    for (const call of await recentCalls(run.settings)) calls.set(call.id, call)
  }
  await once(child, 'spawn')
  try {
    while (running) {
      await Promise.race([pause(LOOK_EVERY_MS), ended])
      await look()
    }
  } finally {
    // weir has gone: a bot that nobody watches would trade on.
    if (running) stop()
    await ended
  }
  const status = await ended
  const page = fromWire(JSON.parse(await ask(run.settings, '/v1/handshakes', 'application/json')))
  const { handshakes } = page as { readonly handshakes: readonly HandshakeView[] }
  const { name, addresses } = run
  return { gathered: { name, sinceWallMs, calls: [...calls.values()], handshakes, ends, addresses }, status }
}

/** Tells each host's story. Pure but for the addresses of this machine, which tell its unnamed bots. */
export const judgeBot = (gathered: Gathered, hosts: readonly string[]): readonly HostReport[] => {
  const lately = <T extends { readonly bot: string; readonly atWallMs: Millis }>(rows: readonly T[]): readonly T[] =>
    rows.filter(({ bot, atWallMs }) => atWallMs >= gathered.sinceWallMs && mayBe(bot, gathered.name))
  const calls = lately(gathered.calls)
  const handshakes = lately(gathered.handshakes)
  return hosts.map((host) => {
    const itsCalls = calls.filter((call) => call.host === host)
    const its = handshakes.filter((handshake) => handshake.host === host)
    const webSockets = its.filter(({ outcome }) => outcome === 'websocket')
    const reached = itsCalls.length + webSockets.length
    // A connection left unused is a sign only when it bears the name and nothing better came.
    const broken = its.filter(
      ({ outcome, bot }) => outcome === 'failed' || (outcome === 'unused' && reached === 0 && bot === gathered.name),
    )
    const direct = [...(gathered.addresses.get(host) ?? [])].filter((end) => gathered.ends.has(end))
    return {
      host,
      state: direct.length > 0 ? 'past_weir' : broken.length > 0 ? 'distrusts' : reached > 0 ? 'seen' : 'not_seen',
      calls: itsCalls.length,
      webSockets: webSockets.reduce((sum, { times }) => sum + times, 0),
      handshakes: [...new Set(broken.map(({ reason }) => reason))],
      direct,
      unnamed: [...itsCalls, ...its].every(({ bot }) => bot !== gathered.name),
    }
  })
}

/** What to say of each host. Where none was seen, that is the fault; else the bot may just not use the others. */
export const botFindings = (reports: readonly HostReport[], language: Language, places: Places): readonly Finding[] => {
  const of = (state: HostReport['state']) => reports.filter((report) => report.state === state)
  const route = routeFix(language, places)
  const findings = [
    ...pastFindings(of('past_weir'), route),
    ...of('distrusts').map((report) => distrustFinding(report, trustFix(language, places))),
    ...of('seen').map(seenFinding),
  ]
  const silent = of('not_seen').map(({ host }) => host)
  if (findings.length === 0) {
    const says = 'not seen at any exchange: it has called none, or it bypasses weir'
    return [{ subject: 'bot', verdict: 'ill', says, fix: route }]
  }
  if (silent.length === 0) return findings
  const says = `not seen, so not called or called past weir unnoticed: ${silent.join(', ')}`
  return [...findings, { subject: 'other hosts', verdict: 'well', says }]
}

/** Hosts of one network share addresses: which of them was meant can not be told. */
const pastFindings = (reports: readonly HostReport[], fix: string): readonly Finding[] => {
  const byEnds = Map.groupBy(reports, ({ direct }) => direct.join(', '))
  return [...byEnds].map(([ends, sharing]) => ({
    subject: sharing[0]?.host ?? '',
    verdict: 'ill',
    says: `bypasses weir: connected to ${ends} itself${sharing.length > 1 ? `, for this host or one of ${sharing.length - 1} others there` : ''}`,
    fix,
  }))
}

const distrustFinding = (report: HostReport, fix: string): Finding => {
  const although = report.calls + report.webSockets > 0 ? `, though ${seenText(report)}` : ''
  const says = `failed to trust weir (${report.handshakes.join(', ')})${although}`
  return { subject: report.host, verdict: 'ill', says, fix }
}

const seenFinding = (report: HostReport): Finding => {
  const { host: subject, unnamed } = report
  if (!unnamed) return { subject, verdict: 'well', says: seenText(report) }
  const says = `${seenText(report)}, without the bot's name: they may be another bot's of this machine`
  return { subject, verdict: 'doubtful', says }
}

const seenText = ({ calls, webSockets }: HostReport): string =>
  webSockets === 0
    ? `${counted(calls, 'call')} seen`
    : `${counted(calls, 'call')} and ${counted(webSockets, 'WebSocket')} seen`

/** A bot that could not tell its name is known by its address, perhaps with the family of its client behind a slash. */
const mayBe = (bot: string, name: string): boolean => bot === name || isOwnAddress(bot.split('/', 1)[0] ?? '')

const recentCalls = async (settings: Settings): Promise<readonly CallView[]> => {
  const page = fromWire(JSON.parse(await ask(settings, `/v1/recent?limit=${MOST_CALLS}`, 'application/json')))
  return (page as { readonly calls: readonly CallView[] }).calls
}

/** Told to stop by the user, or because its time is over. */
const INTERRUPTS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** `ended` resolves with the status of the command: undefined, when it was told to stop. */
const lifeOf = (
  child: ChildProcess,
  atMostMs: Millis,
): { readonly ended: Promise<number | undefined>; readonly stop: () => void } => {
  let tooMuch: Timer | undefined
  const end = (signal: NodeJS.Signals): void => {
    try {
      process.kill(-(child.pid ?? 0), signal)
    } catch {
      // It has ended by itself.
    }
  }
  const stop = (): void => {
    if (tooMuch !== undefined) return
    tooMuch = realClock.after(LAST_WORD_MS, () => end('SIGKILL'))
    end('SIGTERM')
  }
  const enough = realClock.after(atMostMs, stop)
  for (const signal of INTERRUPTS) process.on(signal, stop)
  const ended = new Promise<number | undefined>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => resolve(tooMuch === undefined ? (code ?? 1) : undefined))
  }).finally(() => {
    enough.cancel()
    tooMuch?.cancel()
    for (const signal of INTERRUPTS) process.off(signal, stop)
  })
  return { ended, stop }
}

const pause = (ms: Millis): Promise<void> => new Promise((resolve) => void realClock.after(ms, resolve))
