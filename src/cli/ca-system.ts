// `weir ca trust --system` and `weir ca untrust`: the root of this weir in the trust store of Debian and its like, by their own
// tool (update-ca-certificates(8)). Touches no file but weir-*.crt in the folder that is there for it.

import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const FOLDER = '/usr/local/share/ca-certificates'
const TOOL = 'update-ca-certificates'
/** Where it is, which the PATH of a user who has just become root may not say. */
const TOOL_FOLDERS = ['/usr/sbin', '/usr/bin', '/sbin']
const OURS = /^weir-[0-9a-f]{16}\.crt$/
const PATIENCE_MS = 120_000

/** The system can not be told, and why; the message is for the operator. */
export class TrustError extends Error {}

/** Adds the root; returns what was done. @throws TrustError */
export const trustSystem = (caPem: string): string => {
  const tool = findTool()
  const { fingerprint256 } = new X509Certificate(caPem)
  const file = join(FOLDER, `weir-${fingerprint256.replaceAll(':', '').slice(0, 16).toLowerCase()}.crt`)
  if (existsSync(file) && readFileSync(file, 'utf8') === caPem) {
    // Somebody may have added the file and forgotten the rest.
    update(tool, [])
    return `${file} was there already; ${TOOL} has run\n`
  }
  writeFileSync(file, caPem, { mode: 0o644 })
  update(tool, [])
  return (
    `added ${file} and ran ${TOOL}: curl, Go and most programs of the system trust this weir now\n` +
    'Node, Java and Python with certifi have roots of their own: weir exec, or the lines of weir ca\n' +
    'weir ca untrust takes it back\n'
  )
}

/** Takes back every root that weir has added, also those of an earlier state directory; returns what was done. @throws TrustError */
export const untrustSystem = (): string => {
  const tool = findTool()
  const files = existsSync(FOLDER) ? readdirSync(FOLDER).filter((name) => OURS.test(name)) : []
  if (files.length === 0) return `nothing of weir is in ${FOLDER}\n`
  for (const name of files) rmSync(join(FOLDER, name))
  // Only then does it drop the links to what is gone.
  update(tool, ['--fresh'])
  return `removed ${files.map((name) => join(FOLDER, name)).join(', ')} and ran ${TOOL}\n`
}

const findTool = (): string => {
  const tool = TOOL_FOLDERS.map((folder) => join(folder, TOOL)).find((path) => existsSync(path))
  if (tool === undefined) {
    throw new TrustError(
      `this system has no ${TOOL} (Debian and Ubuntu have it, in the package ca-certificates); weir ca shows other ways`,
    )
  }
  if (process.getuid?.() !== 0) throw new TrustError('the trust store of the system is changed by root only')
  return tool
}

const update = (tool: string, flags: readonly string[]): void => {
  try {
    execFileSync(tool, flags, { stdio: ['ignore', 'ignore', 'pipe'], timeout: PATIENCE_MS, encoding: 'utf8' })
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : ''
    throw new TrustError(`${TOOL} failed${said === '' ? '' : `: ${said}`}`)
  }
}
