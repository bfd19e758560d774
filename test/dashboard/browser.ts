// A real Chromium without a screen. Debian's is installed where that is allowed; elsewhere one loud line says what is missing.

import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { type Browser, chromium, type Page } from 'playwright-core'
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

/** From now on the page notes when it shows that the breaker of `host` is no longer closed but open. */
export const noteOpenings = (page: Page, host: string): Promise<unknown> =>
  page.evaluate(`
    window.openedAt = []
    let shown = 'closed'
    new MutationObserver(() => {
      const { state = shown } = document.querySelector('[data-host="${host}"]')?.dataset ?? {}
      if (state === 'open' && shown === 'closed') window.openedAt.push(Date.now())
      shown = state
    }).observe(document, { subtree: true, childList: true, attributeFilter: ['data-state'] })`)

/** When, in milliseconds since the epoch. */
export const openingsSeen = async (page: Page): Promise<readonly number[]> =>
  (await page.evaluate('window.openedAt')) as readonly number[]
