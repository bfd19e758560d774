// The files in deploy/, without what they start: Compose mounts what is there, weir understands its environment, and Grafana
// finds its Prometheus.

import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { dashboardText } from '../../scripts/grafana.ts'
import { readSettings } from '../../src/config/environment.ts'

const DEPLOY = new URL('../../deploy/', import.meta.url)
const text = (name: string): string => readFileSync(new URL(name, DEPLOY), 'utf8')
const path = (name: string): string => fileURLToPath(new URL(name, DEPLOY))

interface Service {
  readonly build?: string
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly secrets?: readonly string[]
  readonly depends_on?: Readonly<Record<string, unknown>>
  readonly entrypoint?: unknown
}
interface Compose {
  readonly services: Readonly<Record<string, Service>>
  readonly volumes: object
  readonly secrets?: object
}

const compose = (file: string) => parse(text(file), { merge: true }) as Compose

/** What the image sets by itself. */
const ofTheImage = (): Record<string, string> => {
  const [, pairs = ''] = /^ENV (.*)$/m.exec(readFileSync(new URL('../Dockerfile', DEPLOY), 'utf8')) ?? []
  return Object.fromEntries(pairs.split(' ').map((pair) => pair.split('=') as [string, string]))
}

describe.each(['compose.yaml', 'compose.fleet.yaml'])('%s', (file) => {
  it('mounts files that are there and volumes, secrets and services that it declares', () => {
    const { services, volumes, secrets = {} } = compose(file)
    const sources = Object.values(services).flatMap((service) =>
      (service.volumes ?? []).map((one) => one.split(':')[0]),
    )
    expect(sources.length).toBeGreaterThan(3)
    for (const source of sources) {
      if (source?.startsWith('.')) expect(existsSync(path(source)), source).toBe(true)
      else expect(Object.keys(volumes)).toContain(source)
    }
    for (const service of Object.values(services)) {
      for (const secret of service.secrets ?? []) expect(Object.keys(secrets)).toContain(secret)
      for (const other of Object.keys(service.depends_on ?? {})) expect(Object.keys(services)).toContain(other)
    }
  })

  it('starts weirs with an environment that they understand, on the ports that it publishes', () => {
    const weirs = Object.values(compose(file).services).filter(
      ({ build, entrypoint }) => build !== undefined && entrypoint === undefined,
    )
    expect(weirs.length).toBeGreaterThan(0)
    for (const { environment = {}, ports = [] } of weirs) {
      // `${NAME:?why}` is the operator's to say.
      const env = Object.entries(environment).map(([name, value]) => [name, value.replace(/^\$\{.*\}$/, 'a secret')])
      const read = readSettings([], { ...ofTheImage(), ...Object.fromEntries(env) })
      if (!read.ok) throw new Error(JSON.stringify(read.issues))
      const { listen, admin } = read.settings
      expect(admin.token).toBe('a secret')
      expect(ports.map((port) => Number(port.split(':').at(-1)))).toEqual([listen.port, admin.port])
      for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/)
      for (const { host } of [listen, admin]) expect(host).toBe('0.0.0.0')
    }
  })
})

describe('Prometheus', () => {
  it('reads the rules that are mounted beside its settings, and scrapes weir where Compose starts it', () => {
    const { services } = compose('compose.yaml')
    const { rule_files: rules, scrape_configs: scrapes } = parse(text('prometheus.yml')) as {
      readonly rule_files: readonly string[]
      readonly scrape_configs: readonly {
        readonly static_configs: readonly { readonly targets: readonly string[] }[]
      }[]
    }
    const mounted = (services.prometheus?.volumes ?? []).map((one) => one.split(':')[1])
    for (const file of ['prometheus.yml', ...rules]) expect(mounted).toContain(`/etc/prometheus/${file}`)
    const targets = scrapes.flatMap((one) => one.static_configs).flatMap((one) => one.targets)
    const [, , port] = services.weir?.ports?.at(-1)?.split(':') ?? []
    expect(targets).toEqual([`weir:${port}`])
  })
})

describe('Grafana', () => {
  it('has the dashboard that scripts/grafana.ts writes, without gaps or overlaps', () => {
    expect(text('grafana/weir.json')).toBe(dashboardText())
    const { panels } = JSON.parse(dashboardText()) as {
      panels: { title: string; gridPos: { x: number; y: number; w: number; h: number } }[]
    }
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length)
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)} ${y + Math.floor(cell / w)}`),
    )
    expect(new Set(cells).size).toBe(cells.length)
    expect(Math.max(...panels.map(({ gridPos: { x, w } }) => x + w))).toBe(24)
  })

  it('asks the Prometheus that is provisioned, and is given the dashboard where it looks for it', () => {
    const provisioned = (file: string) => parse(text(`grafana/provisioning/${file}`))
    const [source] = provisioned('datasources/prometheus.yml').datasources
    const uids = [...dashboardText().matchAll(/"type": "prometheus",\s*"uid": "([^"]*)"/g)].map(([, uid]) => uid)
    expect(uids.length).toBeGreaterThan(10)
    expect(new Set(uids)).toEqual(new Set([source.uid]))
    expect(source.url).toBe('http://prometheus:9090')
    const [provider] = provisioned('dashboards/weir.yml').providers
    const mounted = (compose('compose.yaml').services.grafana?.volumes ?? []).map((one) => one.split(':')[1])
    expect(mounted).toContain(`${provider.options.path}/weir.json`)
  })
})
