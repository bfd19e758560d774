// Opens an authority in a process of its own and prints its root: node open-in-child.ts DIR WALL_MS HOST…
// With KILL_AT=N the process kills itself at the Nth step that changes a file; a write is then half done.

import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

const [dir = '', wallMs = '', ...hosts] = process.argv.slice(2)
let left = Number(process.env.KILL_AT ?? Number.POSITIVE_INFINITY)
const { renameSync, rmSync, writeFileSync } = fs

function step(lastAct: () => void = () => {}) {
  if (left === 0) {
    lastAct()
    process.kill(process.pid, 'SIGKILL')
  }
  left -= 1
}

fs.renameSync = (from, to) => {
  step()
  renameSync(from, to)
}
fs.rmSync = (path, options) => {
  if (fs.existsSync(path)) step()
  rmSync(path, options)
}
fs.writeFileSync = (path, text, options) => {
  step(() => writeFileSync(path, String(text).slice(0, String(text).length / 2), options))
  writeFileSync(path, text, options)
}
syncBuiltinESMExports()

const { openAuthority } = await import('../../src/tls/authority.ts')
const { caPem } = await openAuthority({ dir, hosts, now: () => Number(wallMs) })
process.stdout.write(caPem)
