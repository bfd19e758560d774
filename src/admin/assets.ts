// The dashboard's files, read once and kept compressed: the page with its own modules and style, and uPlot from its package.
// What a browser has already is not sent again.

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import type { AdminRequest, Answer } from './answer.ts'

/** One file by its path on the admin port, where it is, and its type. */
type Entry = readonly [path: string, file: URL, type: string]

const HTML = 'text/html; charset=utf-8'
const SCRIPT = 'text/javascript; charset=utf-8'
const STYLE = 'text/css; charset=utf-8'

const MODULES = [
  ...['alerts', 'bots', 'breakers', 'decisions', 'dom', 'lanes', 'levels', 'link', 'main', 'overview'],
  ...['plots', 'rules', 'theme', 'violations', 'words'],
]

const own = (name: string): URL => new URL(`page/${name}`, import.meta.url)

const ENTRIES: readonly Entry[] = [
  ['/', own('index.html'), HTML],
  ['/page/style.css', own('style.css'), STYLE],
  ...MODULES.map((name): Entry => [`/page/${name}.js`, own(`${name}.js`), SCRIPT]),
  ['/page/uplot.js', new URL(import.meta.resolve('uplot/dist/uPlot.esm.js')), SCRIPT],
  ['/page/uplot.css', new URL(import.meta.resolve('uplot/dist/uPlot.min.css')), STYLE],
]

/** Only what this port serves may run, style or be asked: a name from outside that ended up in the page could do nothing. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** Fast to make and nearly as small as can be. */
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 6 } }

/** The page and its files by path. Each is read when it is first asked for. */
export const createAssets = (): ReadonlyMap<string, (request: AdminRequest) => Answer> =>
  new Map(ENTRIES.map(([path, file, type]) => [path, servable(file, type)]))

const servable = (file: URL, type: string): ((request: AdminRequest) => Answer) => {
  let read: { etag: string; plain: Buffer; gzip: Buffer; br: Buffer } | undefined
  return ({ headers }) => {
    read ??= prepare(file)
    const fresh = {
      ETag: read.etag,
      'Cache-Control': 'no-cache',
      Vary: 'Accept-Encoding',
      'Content-Security-Policy': POLICY,
      'Referrer-Policy': 'no-referrer',
    }
    if (headers['if-none-match'] === read.etag) return { status: 304, type, body: '', headers: fresh }
    const accepted = String(headers['accept-encoding'] ?? '')
    if (/\bbr\b/.test(accepted))
      return { status: 200, type, body: read.br, headers: { ...fresh, 'Content-Encoding': 'br' } }
    if (/\bgzip\b/.test(accepted)) {
      return { status: 200, type, body: read.gzip, headers: { ...fresh, 'Content-Encoding': 'gzip' } }
    }
    return { status: 200, type, body: read.plain, headers: fresh }
  }
}

const prepare = (file: URL) => {
  const plain = readFileSync(file)
  const etag = `"${createHash('sha256').update(plain).digest('base64url').slice(0, 22)}"`
  return { etag, plain, gzip: gzipSync(plain), br: brotliCompressSync(plain, BROTLI) }
}
