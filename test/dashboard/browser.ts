// A real Chromium without a screen. Debian's is installed where that is allowed; elsewhere one loud line says what is missing.

import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'
import { installing } from '../support/debian.ts'

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const INSTALL_PATIENCE_MS = 300_000

/** Path of a Chromium; undefined when there is none and none can be installed. */
export function findChromium(): string | undefined {
  const found = PLACES.find(existsSync)
  const install = installing(['chromium', 'fonts-dejavu-core'])
  if (found !== undefined || install === undefined) return found
  try {
    execFileSync(...install, { stdio: 'ignore', timeout: INSTALL_PATIENCE_MS })
  } catch {
    // Told by whoever asked.
  }
  return PLACES.find(existsSync)
}

/** Starts it. Root has no sandbox to offer, and the pages are our own. */
export const launch = (executablePath: string): Promise<Browser> =>
  chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'] })
