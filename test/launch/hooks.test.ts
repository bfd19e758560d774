// The hooks run inside other people's programs: whatever is missing or odd, those must not notice.

import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openCommand } from '../clients/needs.ts'

const HOOKS = fileURLToPath(new URL('../../hooks/', import.meta.url))
const PRELOAD = join(HOOKS, 'node/preload.cjs')

let dir: string

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'weir-hooks-'))
})

afterAll(() => rmSync(dir, { recursive: true }))

/** Standard output and standard error together. */
const run = (command: string, args: readonly string[], env: Readonly<Record<string, string>>): string =>
  execFileSync('sh', ['-c', 'exec "$@" 2>&1', 'sh', command, ...args], {
    env: { PATH: process.env.PATH ?? '', ...env },
    encoding: 'utf8',
    timeout: 30_000,
  })

const hasPython = await openCommand(['python3', '--version'], ['python3'])

describe('the preload for Node', () => {
  const ask = "const tls = require('tls'); console.log(tls.connect.name === 'connect')"

  it('leaves everything as it was without its variables', () => {
    const plain = 'const { connect } = require("tls"); console.log(connect.toString().length > 500)'
    expect(run(process.execPath, ['--require', PRELOAD, '--eval', plain], {})).toBe('true\n')
    expect(run(process.execPath, ['--require', PRELOAD, '--eval', ask], { WEIR_TRANSPARENT: 'rubbish' })).toBe('true\n')
  })

  it('lets a program fail as it would have failed', () => {
    const env = { WEIR_TRANSPARENT: '127.0.0.1:1', WEIR_HOSTS: 'api.kraken.com', WEIR_CA_FILE: '/missing' }
    const odd = `
      const tls = require('tls')
      for (const args of [[], [null], [{ port: 99999 }], [{ get host() { throw new Error('odd') } }]]) {
        try { tls.connect(...args).on('error', () => {}).destroy() } catch (error) { console.log(error.code ?? error.message) }
      }`
    expect(run(process.execPath, ['--require', PRELOAD, '--eval', odd], env)).toBe(
      run(process.execPath, ['--eval', odd], {}),
    )
  })
})

describe.skipIf(!hasPython)('the sitecustomize for Python', () => {
  const python = (code: string, env: Readonly<Record<string, string>> = {}): string =>
    run('python3', ['-c', code], { PYTHONPATH: join(HOOKS, 'python'), PYTHONDONTWRITEBYTECODE: '1', ...env })

  it('is silent without its variables, and with a CA file that is missing or rubbish', () => {
    const code = 'import ssl; ssl.create_default_context(); print("fine")'
    expect(python(code)).toBe('fine\n')
    expect(python(code, { WEIR_CA_FILE: '/missing' })).toBe('fine\n')
    const rubbish = join(dir, 'rubbish.pem')
    writeFileSync(rubbish, 'rubbish')
    expect(python(code, { WEIR_CA_FILE: rubbish })).toBe('fine\n')
  })

  it('imports nothing that the program does not import', () => {
    const ca = join(dir, 'ca.pem')
    writeFileSync(ca, '')
    const code =
      'import sys; print([name for name in ("ssl", "requests", "aiohttp", "asyncio") if name in sys.modules])'
    expect(python(code, { WEIR_CA_FILE: ca, HTTPS_PROXY: 'http://127.0.0.1:1' })).toBe('[]\n')
  })

  it('runs the sitecustomize that it stands in front of', () => {
    const other = join(dir, 'other')
    mkdirSync(other, { recursive: true })
    writeFileSync(join(other, 'sitecustomize.py'), 'import builtins\nbuiltins.witness = __file__\n')
    const path = `${join(HOOKS, 'python')}:${other}`
    const code = 'import sitecustomize; print(witness == sitecustomize.__file__, witness)'
    expect(python(code, { PYTHONPATH: path })).toBe(`True ${join(other, 'sitecustomize.py')}\n`)
  })
})
