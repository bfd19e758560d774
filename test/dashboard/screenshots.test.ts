import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it, onTestFinished } from 'vitest'
import { findChromium } from './browser.ts'

const SCRIPT = fileURLToPath(new URL('../../scripts/screenshots.ts', import.meta.url))
const PATIENCE_MS = 150_000

/** Width and height as a PNG's header has them (W3C PNG, 11.2.1 IHDR). */
const sizeOf = (png: Buffer): readonly number[] => [png.readUInt32BE(16), png.readUInt32BE(20)]

it.skipIf(findChromium() === undefined)(
  'the pictures of the dashboard are taken by their script, in both themes',
  { timeout: PATIENCE_MS + 10_000 },
  async () => {
    // It used to take them and never end: its bots went on calling.
    const into = await mkdtemp(join(tmpdir(), 'weir-pictures-'))
    onTestFinished(() => rm(into, { recursive: true, force: true }))
    const args = [SCRIPT, '--seconds', '1', '--into', into]
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: PATIENCE_MS })
    const files = ['light', 'dark'].map((theme) => join(into, `dashboard-${theme}.png`))
    expect(stdout.trim().split('\n')).toEqual(files)
    const [light = Buffer.alloc(0), dark = Buffer.alloc(0)] = await Promise.all(files.map((file) => readFile(file)))
    for (const picture of [light, dark]) {
      expect(sizeOf(picture)).toEqual([1440, 1800])
      // A page of one colour would be a tenth of it.
      expect(picture.length).toBeGreaterThan(60_000)
    }
    expect(light.equals(dark)).toBe(false)
  },
)
