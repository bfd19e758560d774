import { execFileSync } from 'node:child_process'
import { parseEnv } from 'node:util'
import { describe, expect, it } from 'vitest'
import { FORMATS } from '../../src/launch/formats.ts'

const VALUES = {
  HTTPS_PROXY: 'http://grid%201:weir@127.0.0.1:8080',
  NODE_OPTIONS: '--max-old-space-size=512 --require "/my hooks/preload.cjs"',
  SSL_CERT_FILE: "/home/o'neill/.weir/bundle.pem",
  PYTHONPATH: '/$HOME/`id`;#!',
  NO_PROXY: 'localhost,127.0.0.1,::1',
}
const rows = Object.entries(VALUES).map(([name, value]) => ({ name, value, reason: `why ${name}` }))
const print = (format: string, paths: readonly string[] = []): string => FORMATS.get(format)?.(rows, paths) ?? ''

describe('weir env', () => {
  it('prints what a shell reads back as it was', () => {
    const names = Object.keys(VALUES)
    const script = `${print('sh')}\n${names.map((name) => `printf '%s\\0' "$${name}"`).join('\n')}`
    const read = execFileSync('sh', ['-c', script], { env: {}, encoding: 'utf8', timeout: 30_000 }).split('\0')
    expect(read.slice(0, -1)).toEqual(Object.values(VALUES))
  })

  it('prints what a reader of dotenv files reads back as it was', () => {
    expect(parseEnv(print('dotenv'))).toEqual(VALUES)
  })

  it('prints lines for docker --env-file, bare, and says which files must be mounted', () => {
    const text = print('docker', ['/s/ca.pem', '/my hooks'])
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    expect(lines).toEqual(Object.entries(VALUES).map(([name, value]) => `${name}=${value}`))
    expect(text).toContain('#   --volume /s/ca.pem:/s/ca.pem:ro \\\n')
    expect(text).toContain("#   --volume '/my hooks:/my hooks:ro' \\\n")
  })

  it('prints a drop-in for systemd, in which % and quotes stand for themselves', () => {
    const text = print('systemd')
    expect(text.startsWith('[Service]\n')).toBe(true)
    expect(text).toContain('\nEnvironment="HTTPS_PROXY=http://grid%%201:weir@127.0.0.1:8080"\n')
    expect(text).toContain(
      '\nEnvironment="NODE_OPTIONS=--max-old-space-size=512 --require \\"/my hooks/preload.cjs\\""\n',
    )
  })

  it('gives the reason of every line', () => {
    for (const format of FORMATS.keys()) {
      for (const { reason } of rows) expect(print(format)).toContain(`# ${reason}\n`)
    }
  })
})
