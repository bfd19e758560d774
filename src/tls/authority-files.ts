// Keeps the authority in the state directory. `ca.key` is the one truth: key, intermediate and root in one file that
// appears in one rename, so a kill at any moment leaves the old authority or the new one, never half of one.
// `ca.pem`, `ca-chain.pem` and `bundle.pem` are copies for clients, written again whenever they are missing.

import { createPrivateKey, X509Certificate } from 'node:crypto'
import { closeSync, fstatSync, openSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { getCACertificates } from 'node:tls'
import type { Millis } from '../core/units.ts'
import { lockOn } from '../lock/lock.ts'
import { AuthorityError } from './constraints.ts'

/** The authority as text: the intermediate's private key (PKCS #8), its certificate, and the root that clients trust. */
export interface AuthorityPems {
  readonly key: string
  readonly intermediate: string
  readonly root: string
}

const WAIT_MS = 10_000
const BUNDLE_AGE_MS = 24 * 3_600_000
const ANEW = 'to start with a new authority, which clients must trust again'

/**
 * Runs `work` while no other process does so for this directory; waits up to 10 s for its turn, then throws
 * AuthorityError. `work` must not await.
 */
export function exclusively<T>(dir: string, work: () => T): T {
  const leave = hold(join(dir, 'ca.lock'))
  try {
    return work()
  } finally {
    leave()
  }
}

/**
 * The authority kept in the directory, or undefined when there is none yet. Throws AuthorityError, with the path and
 * what to do, when others can read the key or when the files do not belong together.
 */
export function readAuthority(dir: string): AuthorityPems | undefined {
  const keyPath = join(dir, 'ca.key')
  const rootPath = join(dir, 'ca.pem')
  const text = readSecret(keyPath)
  const published = readText(rootPath)
  if (text === undefined) {
    if (published === undefined) return undefined
    throw new AuthorityError(`${rootPath} is there but ${keyPath} is not: put it back, or remove ${rootPath} ${ANEW}`)
  }
  const pems = parseAuthority(text, keyPath)
  if (published !== undefined && published.trim() !== pems.root.trim()) {
    throw new AuthorityError(`${rootPath} does not belong to ${keyPath}: remove it to have the right one written`)
  }
  return pems
}

/** Puts a new authority in place of the old one, whose `ca.key` and `ca.pem` stay aside with the ending `.old`. */
export function replaceAuthority(dir: string, old: AuthorityPems | undefined, next: AuthorityPems): void {
  const keyPath = join(dir, 'ca.key')
  if (old !== undefined) {
    write(`${keyPath}.old`, keyFile(old), 0o600)
    write(join(dir, 'ca.pem.old'), old.root, 0o644)
    // Gone before the key changes, so that at no moment a ca.pem stands beside a key it does not belong to.
    rmSync(join(dir, 'ca.pem'), { force: true })
  }
  write(keyPath, keyFile(next), 0o600)
}

/** Writes what clients read, where it is missing or out of date. `at`: time since the epoch. */
export function publishAuthority(dir: string, { root, intermediate }: AuthorityPems, at: Millis): void {
  const rootPath = join(dir, 'ca.pem')
  const chainPath = join(dir, 'ca-chain.pem')
  const bundlePath = join(dir, 'bundle.pem')
  if (readText(rootPath) === undefined) write(rootPath, root, 0o644)
  if (readText(chainPath) !== intermediate) write(chainPath, intermediate, 0o644)
  const bundle = readText(bundlePath)
  const isRecent = bundle !== undefined && Math.abs(at - statSync(bundlePath).mtimeMs) < BUNDLE_AGE_MS
  if (!isRecent || !bundle.includes(root.trim())) write(bundlePath, bundleWith(root), 0o644)
}

function hold(path: string): () => void {
  let lock: ReturnType<typeof lockOn>
  try {
    lock = lockOn(path, WAIT_MS)
  } catch (cause) {
    throw new AuthorityError(`${path} can not be locked: ${(cause as Error).message}`, { cause })
  }
  if (lock === undefined) throw new AuthorityError(`${path} can not be locked: is another weir stuck in its start?`)
  return lock.close
}

/** Public roots, the system's and Node's own, with ours last: for the many clients whose CA setting replaces the roots. */
function bundleWith(root: string): string {
  const roots = [...getCACertificates('system'), ...getCACertificates('bundled'), root]
  return `${[...new Set(roots.map((pem) => pem.trim()))].join('\n')}\n`
}

function keyFile({ key, intermediate, root }: AuthorityPems): string {
  return key + intermediate + root
}

function parseAuthority(text: string, path: string): AuthorityPems {
  const blocks = text.match(/-----BEGIN ([A-Z ]+)-----[\s\S]+?-----END \1-----/g) ?? []
  const [key, intermediate, root] = blocks.map((block) => `${block}\n`)
  if (key === undefined || intermediate === undefined || root === undefined || !isAuthority(key, intermediate, root)) {
    const advice = `restore it, or remove it and ca.pem ${ANEW}`
    throw new AuthorityError(`${path} is not a key with the two certificates that belong to it: ${advice}`)
  }
  return { key, intermediate, root }
}

function isAuthority(key: string, intermediatePem: string, rootPem: string): boolean {
  try {
    const intermediate = new X509Certificate(intermediatePem)
    const root = new X509Certificate(rootPem)
    const isChain = [intermediate, root].every((one) => one.ca && one.checkIssued(root) && one.verify(root.publicKey))
    return isChain && intermediate.checkPrivateKey(createPrivateKey(key))
  } catch {
    return false
  }
}

/** Whole or not at all, also after a power cut: written aside, flushed, renamed. Only under the lock. */
function write(path: string, text: string, mode: number): void {
  const aside = `${path}.tmp`
  rmSync(aside, { force: true })
  writeFileSync(aside, text, { flag: 'wx', mode, flush: true })
  renameSync(aside, path)
}

function readSecret(path: string): string | undefined {
  return ifThere(() => {
    const file = openSync(path, 'r')
    try {
      const mode = fstatSync(file).mode & 0o777
      // Windows has no such bits; there the user's profile guards the directory.
      if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
        throw new AuthorityError(`${path} is open to other users (mode 0${mode.toString(8)}): run chmod 600 ${path}`)
      }
      return readFileSync(file, 'utf8')
    } finally {
      closeSync(file)
    }
  })
}

function readText(path: string): string | undefined {
  return ifThere(() => readFileSync(path, 'utf8'))
}

function ifThere<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
