// Which addresses a process and its children are connected to, from Linux's /proc (proc(5)); nothing elsewhere. A look sees what
// is open at that moment: a connection that comes and goes between two looks is missed.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** Remote ends of open TCP connections, as `ADDRESS:PORT`. */
export const remoteEnds = (pid: number): ReadonlySet<string> => {
  const ends = new Set<string>()
  for (const each of family(pid)) {
    const inodes = socketsOf(each)
    if (inodes.size === 0) continue
    for (const table of ['tcp', 'tcp6']) {
      for (const line of text(`/proc/${each}/net/${table}`).split('\n').slice(1)) {
        const [, , remote = '', , , , , , , inode = ''] = line.trim().split(/\s+/)
        if (inodes.has(inode)) ends.add(readable(remote))
      }
    }
  }
  return ends
}

/** The process and all that descend from it. */
const family = (pid: number): readonly number[] => {
  const parents = new Map<number, number>()
  for (const name of list('/proc')) {
    if (!/^\d+$/.test(name)) continue
    // The second field is the command in brackets, and may hold anything.
    const stat = text(`/proc/${name}/stat`)
    parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]))
  }
  const found = [pid]
  for (const each of found) for (const [child, parent] of parents) if (parent === each) found.push(child)
  return found
}

const socketsOf = (pid: number): ReadonlySet<string> => {
  const inodes = new Set<string>()
  for (const name of list(`/proc/${pid}/fd`)) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${name}`))?.[1]
      if (inode !== undefined) inodes.add(inode)
    } catch {
      // Closed meanwhile.
    }
  }
  return inodes
}

/** `0100007F:01BB` is 127.0.0.1:443: four bytes at a time, the last first. */
const readable = (end: string): string => {
  const [address = '', port = ''] = end.split(':')
  const bytes = [...Buffer.from(address, 'hex')]
  const ordered = Array.from({ length: bytes.length / 4 }, (_, at) => bytes.slice(at * 4, at * 4 + 4).reverse()).flat()
  const mapped = ordered.length === 16 && ordered.slice(0, 10).every((byte) => byte === 0) && ordered[10] === 255
  const plain = mapped ? ordered.slice(12) : ordered
  const groups = (): string[] =>
    Array.from({ length: 8 }, (_, at) => ((plain[at * 2] ?? 0) * 256 + (plain[at * 2 + 1] ?? 0)).toString(16))
  return `${plain.length === 4 ? plain.join('.') : URL.parse(`http://[${groups().join(':')}]`)?.hostname.slice(1, -1)}:${Number.parseInt(port, 16)}`
}

const list = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

const text = (file: string): string => {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return ''
  }
}
