// The local authority's root in a few comment lines, for `weir ca`: what to compare when a machine asks whether to trust it.

import { X509Certificate } from 'node:crypto'

const WARN_DAYS = 30

/** Fingerprint, end and hosts of the root; lines start with `#`, so that advice to paste may follow. */
export const caText = (caPem: string, hosts: readonly string[], nowWallMs: number): string => {
  const { fingerprint256, validToDate } = new X509Certificate(caPem)
  const days = Math.floor((validToDate.getTime() - nowWallMs) / 86_400_000)
  const soon = days < WARN_DAYS ? ` (in ${days} days: after that, bots must trust a new one)` : ''
  const lines = [
    `SHA-256: ${fingerprint256}`,
    `Valid until ${validToDate.toISOString().slice(0, 10)}${soon}, for these hosts only:`,
    ...hosts.map((host) => `  ${host}`),
  ]
  return lines.map((line) => `# ${line}\n`).join('')
}
