import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { NotRunning } from '../../src/cli/desk.ts'
import { type Output, watch } from '../../src/cli/watch.ts'
import { openDesk } from '../admin/desk.ts'
import { FakeClock } from '../support/fake-clock.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

/** Watches `screens`, one per second, and then the last of them on and on; resolves with every write. */
const seen = async (screens: readonly (string | Error)[], out: Partial<Output> = {}): Promise<string[]> => {
  const clock = new FakeClock()
  const quit = new AbortController()
  const written: string[] = []
  let at = 0
  const read = async (): Promise<string> => {
    const screen = screens[at++] ?? ''
    if (screen instanceof Error) throw screen
    return screen
  }
  const output: Output = { isTTY: true, columns: 80, rows: 24, write: (text) => written.push(text) > 0, ...out }
  const watched = watch({ clock, out: output, read, quit: quit.signal })
  await clock.pass((screens.length - 1) * 1000)
  quit.abort()
  await watched
  return written
}

describe('a watched status', () => {
  it('draws each screen over the last in one write, and gives the terminal back', async () => {
    const written = await seen(['one\ntwo\n', 'three\n'])
    expect(written).toEqual([
      '\x1b[?1049h\x1b[?25l',
      '\x1b[?2026h\x1b[Hone\x1b[K\r\ntwo\x1b[K\x1b[J\x1b[?2026l',
      '\x1b[?2026h\x1b[Hthree\x1b[K\x1b[J\x1b[?2026l',
      '\x1b[?25h\x1b[?1049l',
    ])
  })

  it('sends no codes where there is no terminal', async () => {
    expect(await seen(['one\n', 'two\n'], { isTTY: false })).toEqual(['one\n\n', 'two\n\n'])
  })

  it('never scrolls: what does not fit is counted', async () => {
    const [, screen] = await seen(['1\n2\n3\n4\n5\n'], { rows: 3 })
    expect(screen).toContain('1\x1b[K\r\n2\x1b[K\r\n… 3 more lines')
  })

  it('says that weir is away, and goes on when it is back', async () => {
    const written = await seen([new NotRunning('no weir answers'), 'here\n'], { isTTY: false })
    expect(written).toEqual(['weir is away: no weir answers\n\n', 'here\n\n'])
  })

  it('gives the terminal back when something else goes wrong', async () => {
    const written: string[] = []
    const out: Output = { isTTY: true, columns: 80, rows: 24, write: (text) => written.push(text) > 0 }
    const read = () => Promise.reject(new TypeError('a bug'))
    await expect(watch({ clock: new FakeClock(), out, read, quit: new AbortController().signal })).rejects.toThrow(
      'a bug',
    )
    expect(written.at(-1)).toBe('\x1b[?25h\x1b[?1049l')
  })

  it('is what `weir status --watch` prints, until it is interrupted', async () => {
    await using desk = await openDesk()
    const args = [MAIN, 'status', '--watch', '--admin', `127.0.0.1:${desk.server.port}`]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    onTestFinished(() => void child.kill('SIGKILL'))
    let said = ''
    child.stdout.on('data', (piece: Buffer) => {
      said += piece
    })
    await expect
      .poll(() => said.match(/^weir 0\.1\.0 is healthy/gm)?.length ?? 0, { timeout: 20_000 })
      .toBeGreaterThan(1)
    expect(said).not.toContain('\x1b')
    child.kill('SIGINT')
    const code = await Promise.race([
      new Promise((resolve) => child.once('exit', resolve)),
      sleep(15_000, 'still there'),
    ])
    expect(code).toBe(0)
  })
})
