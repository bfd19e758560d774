// A real Chromium without a screen. Debian's is installed where that is allowed; elsewhere one loud line says what is missing.

import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const INSTALL_PATIENCE_MS = 300_000

/** Path of a Chromium; undefined when there is none and none can be installed. */
export function findChromium(): string | undefined {
  const found = PLACES.find(existsSync)
  if (found !== undefined || process.getuid?.() !== 0) return found
  const apt = (...args: string[]) => execFileSync('apt-get', args, { stdio: 'ignore', timeout: INSTALL_PATIENCE_MS })
  try {
    apt('update')
    apt('install', '-y', '--no-install-recommends', 'chromium', 'fonts-dejavu-core')
  } catch {
    // Told by whoever asked.
  }
  return PLACES.find(existsSync)
}

/** Starts it. Root has no sandbox to offer, and the pages are our own. */
export const launch = (executablePath: string): Promise<Browser> =>
  chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'] })
