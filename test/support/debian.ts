// Programs that tests need and the machine may lack come from Debian, where that is allowed. Test files run side by side, and
// apt lets nobody wait for its lists: they take turns at a lock of our own.

import { tmpdir } from 'node:os'
import { join } from 'node:path'

const LOCK = join(tmpdir(), 'weir-apt.lock')
/** Whoever waited for the lock looks first: another may have installed the same. */
const INSTALL = `[ "$(dpkg -s "$@" 2>/dev/null | grep -c '^Status: .* installed$')" = $# ] || {
  apt-get update -q && apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=60 "$@"
}`

/** A command that installs these packages, and its arguments. Undefined for anybody but root. */
export const installing = (packages: readonly string[]): readonly [command: string, args: string[]] | undefined =>
  process.getuid?.() === 0 ? ['flock', [LOCK, 'sh', '-c', INSTALL, 'sh', ...packages]] : undefined
