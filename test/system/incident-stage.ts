// What the scripted incident looks with: the pages of weir, its metrics, a webhook for its alerts, and a dashboard in a real
// browser that somebody has open all the time.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import { findChromium, launch } from '../dashboard/browser.ts'
import type { Exchange } from '../support/exchange/exchange.ts'
import type { Weir } from '../support/weir.ts'
import type { Client } from './client.ts'

/** The alerts are looked at every two seconds. */
/** Longer than a key rests. */
const PATIENCE_MS = 40_000
export const SECRET = 's3cret-token'

export interface Alert {
  readonly rule: string
  readonly subject: string
  readonly message: string
  readonly resolved_at_wall_ms?: number
}

export interface Analysis {
  readonly total_failures: number
  readonly categories: Readonly<Record<string, number>>
  readonly detected_patterns: readonly { readonly name: string; readonly count: number }[]
  readonly recommendations: readonly string[]
}

export interface Use {
  readonly calls: number
  readonly limited: number
  readonly saved: number
  readonly rejection_rate: number
}

export const chromiumPath = findChromium()
if (chromiumPath === undefined) {
  process.stderr.write(
    'NOT TESTED: an incident on the dashboard. There is no Chromium here: apt-get install chromium\n',
  )
}
/** What the dashboard was to show, and whether it did, in order. */
export const sights: { readonly what: string; readonly seen: boolean }[] = []

export interface Stage {
  readonly exchange: Exchange
  readonly weir: Weir
  readonly bots: (name: string) => Client
  /** What the webhook got: `firing breaker_open api.kraken.com`. */
  readonly hook: readonly string[]
  readonly page: <Body>(path: string) => Promise<Body>
}

/** The dashboard, as somebody sees it who has had it open all the time. */
export const openScreen = async ({ admin }: Weir) => {
  if (chromiumPath === undefined) return { shows: async () => {}, empty: async () => {}, agrees: async () => {} }
  const browser = await launch(chromiumPath)
  onTestFinished(() => browser.close())
  const page = await browser.newPage()
  await page.goto(admin)
  const look = async (selector: string, state: 'attached' | 'detached'): Promise<void> => {
    const seeing = page.locator(selector).first().waitFor({ state, timeout: PATIENCE_MS })
    const seen = await seeing.then(
      () => true,
      () => false,
    )
    sights.push({ what: `${selector} ${state}`, seen })
  }
  return {
    shows: (selector: string) => look(selector, 'attached'),
    empty: (selector: string) => look(selector, 'detached'),
    /** Whether what `selector` finds comes to say just this, one text per element. */
    agrees: async (selector: string, told: readonly string[]): Promise<void> => {
      let shown: readonly string[] = []
      const agree = async () => {
        shown = await page.locator(selector).allTextContents()
        return shown.join('\n') === told.join('\n')
      }
      const seen = await until(agree, selector).then(
        () => true,
        () => false,
      )
      sights.push({ what: seen ? selector : `${selector}: ${shown.join()} and not ${told.join()}`, seen })
    },
  }
}

/** The dashboard that is looked at. */
export type Screen = Awaited<ReturnType<typeof openScreen>>

/** The alert that holds, once it does. */
export const holds = async (page: Stage['page'], rule: string, subject?: string): Promise<Alert> => {
  let found: Alert | undefined
  await until(
    async () => {
      const { alerts } = await page<{ alerts: readonly Alert[] }>('/v1/alerts?active=1')
      found = alerts.find((alert) => alert.rule === rule && (subject ?? alert.subject) === alert.subject)
      return found !== undefined
    },
    `${rule} ${subject ?? ''} holds`,
  )
  return found as Alert
}

/** Resolves when no such alert holds, and one is remembered. */
export const over = (page: Stage['page'], rule: string, subject?: string): Promise<void> =>
  until(
    async () => {
      const { alerts } = await page<{ alerts: readonly Alert[] }>('/v1/alerts')
      const of = alerts.filter((alert) => alert.rule === rule && (subject ?? alert.subject) === alert.subject)
      return of.length > 0 && of.every((alert) => alert.resolved_at_wall_ms !== undefined)
    },
    `${rule} ${subject ?? ''} is over`,
  )

export const until = async (holds: () => Promise<boolean>, what: string): Promise<void> => {
  for (let waited = 0; waited < PATIENCE_MS; waited += 200) {
    if (await holds()) return
    await sleep(200)
  }
  throw new Error(`it did not come about that ${what}`)
}

export const use = async (page: Stage['page'], name: string): Promise<Use> => {
  const { bots } = await page<{ bots: readonly (Use & { bot: string })[] }>('/v1/stats')
  const found = bots.find(({ bot }) => bot === name)
  if (found === undefined) throw new Error(`nobody called ${name} in /v1/stats`)
  return found
}

export const pageOf = async <Body>({ admin }: Weir, path: string): Promise<Body> =>
  (await (await fetch(`${admin}${path}`)).json()) as Body

/** Values of all series of a metric that have these labels. */
export const metric = async ({ admin }: Weir, name: string, labels: string): Promise<readonly number[]> => {
  const text = await (await fetch(`${admin}/metrics`)).text()
  return [...text.matchAll(/^weir_(\w+)\{(.*)\} (\S+)$/gm)]
    .filter(([, metricName, given = '']) => metricName === name && given.includes(labels))
    .map(([, , , value]) => Number(value))
}

export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

/** A service for alerts. */
export const listenForAlerts = async (): Promise<{ url: string; told: readonly string[] }> => {
  const told: string[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    const { status, rule, subject } = JSON.parse(body) as Record<string, string>
    told.push(`${status} ${rule} ${subject}`)
    response.end('ok')
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  onTestFinished(() => void server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook/${SECRET}`, told }
}
