// How the command line asks a running weir: through its admin port.

import { bracketed } from '../app/ways.ts'
import type { Settings } from '../config/environment.ts'

/** Nothing answers at the admin address, or it will not. The message is for the operator. */
export class NotRunning extends Error {}

const PATIENCE_MS = 5000

/**
 * Reads a page of the admin port; posts `body` where one is given.
 * @throws NotRunning
 */
export const ask = async ({ admin }: Settings, path: string, accept: string, body?: unknown): Promise<string> => {
  const address = `http://${bracketed(admin.host)}:${admin.port}`
  const headers = { accept, ...(admin.token === undefined ? {} : { authorization: `Bearer ${admin.token}` }) }
  const post = {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { ...headers, 'content-type': 'application/json' },
  }
  const signal = AbortSignal.timeout(PATIENCE_MS)
  const answer = await fetch(address + path, { ...(body === undefined ? { headers } : post), signal }).catch(() => {
    throw new NotRunning(`no weir answers at ${address}; start one, or name its address with --admin`)
  })
  const text = await answer.text()
  if (!answer.ok) throw new NotRunning(`${address}${path} answered ${answer.status}: ${text.trim()}`)
  return text
}
