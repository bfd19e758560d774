// The files of roots that a launched bot reads. What the user trusted before stays trusted: where a variable already named
// a file, its successor holds that file and weir's root. Names carry a digest of the content, so bots that run keep theirs.

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { getCACertificates } from 'node:tls'
import { javaStore } from './java.ts'
import type { Environment, LaunchFiles } from './variables.ts'

export interface FilesOptions {
  /** The state directory; what is made lies in `exec/` below it. */
  readonly stateDir: string
  /** The root of the weir that the bot is led to. */
  readonly caPem: string
  readonly env: Environment
  readonly java: boolean
}

/** Makes what is missing. `notes`: what the user should know, one line each. */
export const prepareFiles = ({
  stateDir,
  caPem,
  env,
  java,
}: FilesOptions): { readonly files: LaunchFiles; readonly notes: readonly string[] } => {
  const notes: string[] = []
  const keep = keeper(join(stateDir, 'exec'))
  const has = (path: string): boolean => readText(path)?.includes(caPem.trim()) === true
  /** weir's own copy, which is where people expect it, unless the weir that runs keeps its state elsewhere. */
  const ours = (name: string, text: () => string): string => {
    const path = join(stateDir, name)
    return has(path) ? path : keep(name, text())
  }
  const ca = ours('ca.pem', () => caPem)
  const bundle = ours('bundle.pem', () => joined([...publicRoots(), caPem]))
  /** What the first of the variables that is set names, with our root; `otherwise` when none is. */
  const merged = (variables: readonly string[], otherwise: string): string => {
    const variable = variables.find((name) => env[name])
    const path = variable === undefined ? undefined : env[variable]
    if (path === undefined || has(path)) return path ?? otherwise
    const text = readText(path)
    if (text !== undefined) return keep('roots.pem', joined([text, caPem]))
    notes.push(`${variable}: ${path} can not be read as a file; ${otherwise} takes its place`)
    return otherwise
  }
  const bundles = {
    SSL_CERT_FILE: merged(['SSL_CERT_FILE'], bundle),
    // What requests and curl themselves fall back on.
    REQUESTS_CA_BUNDLE: merged(['REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE'], bundle),
    CURL_CA_BUNDLE: merged(['CURL_CA_BUNDLE', 'SSL_CERT_FILE'], bundle),
  }
  const ini = `curl.cainfo="${bundles.CURL_CA_BUNDLE}"\nopenssl.cafile="${bundles.SSL_CERT_FILE}"\n`
  const store = java ? javaStore(keep, { file: ca, pem: caPem }, env) : undefined
  if (java && store === undefined) notes.push('--java: no Java found here, so its trust store is as it was')
  const phpIni = dirname(keep('php/weir.ini', ini))
  // It takes the place of the user's own, which may hold passwords and is not to be copied.
  const hasOwn = env.WGETRC !== undefined || existsSync(join(env.HOME ?? '', '.wgetrc'))
  const wgetrc = hasOwn ? undefined : keep('wgetrc', `ca_certificate = ${ca}\n`)
  const nodeCa = merged(['NODE_EXTRA_CA_CERTS'], ca)
  return { files: { ca, nodeCa, bundles, phpIni, wgetrc, javaStore: store }, notes }
}

/**
 * Hands out the path of a file whose name carries a digest of `key` (`ca.pem` becomes `ca-1f2e3d4c5b6a.pem`). Where it is not
 * there yet, `make` writes it at the path that it is given; unless told, the file holds `key` itself.
 */
export type Keep = (name: string, key: string, make?: (path: string) => void) => string

const keeper =
  (dir: string): Keep =>
  (name, key, make = (path) => writeFileSync(path, key, { mode: 0o644 })) => {
    const digest = createHash('sha256').update(key).digest('hex').slice(0, 12)
    const path = join(
      dir,
      name.replace(/^[^./]+/, (stem) => `${stem}-${digest}`),
    )
    if (existsSync(path)) return path
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    const aside = `${path}.${process.pid}`
    try {
      make(aside)
      renameSync(aside, path)
    } finally {
      rmSync(aside, { force: true })
    }
    return path
  }

/** The system's and Node's own: clients that are told of a file of roots trust nothing else. */
const publicRoots = (): readonly string[] => [...getCACertificates('system'), ...getCACertificates('bundled')]

const joined = (pems: readonly string[]): string => `${[...new Set(pems.map((pem) => pem.trim()))].join('\n')}\n`

const readText = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
