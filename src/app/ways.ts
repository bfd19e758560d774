// Where exchanges are really reached, and which certificates are believed there: what the operator says on the command line.

import { readFileSync } from 'node:fs'
import { getCACertificates } from 'node:tls'
import type { Settings } from '../config/environment.ts'
import type { Route } from '../forward/pool.ts'
import { isOwnAddress } from './resolver.ts'
import { StartError } from './start-error.ts'

/** Public roots and the operator's own; undefined = Node's defaults. @throws StartError */
export const extraTrust = (files: readonly string[]): string[] | undefined =>
  files.length === 0 ? undefined : [...getCACertificates('default'), ...files.map(certificates)]

const certificates = (file: string): string => {
  const pem = readFileSync(file, 'utf8')
  // Node would pass over a file without one, and then trust nothing more than before.
  if (!pem.includes('-----BEGIN CERTIFICATE-----')) throw new StartError(`${file} holds no certificate in PEM`)
  return pem
}

/** Where a host is really reached: `--connect-to`, else where its name says. */
export const routes =
  ({ connectTo }: Settings) =>
  (host: string, port: number): Route => {
    const to = connectTo.find(({ fromHost, fromPort }) => fromHost === host && fromPort === port)
    return to === undefined ? { host, port } : { host: to.toHost, port: to.toPort }
  }

/** Calls sent to our own port would come back as calls. @throws StartError */
export const refuseLoops = ({ connectTo }: Settings, port: number): void => {
  const loop = connectTo.find(({ toHost, toPort }) => toPort === port && isOwnAddress(toHost))
  if (loop !== undefined) throw new StartError(`--connect-to leads ${loop.fromHost} to weir itself (port ${port})`)
}

/** Whether the operator has said where that is; then it may be a private address too. */
export const isRerouted = ({ connectTo }: Settings, host: string, port: number): boolean =>
  connectTo.some(({ fromHost, fromPort }) => fromHost === host && fromPort === port)

/** A host as it stands in a URL (RFC 3986 §3.2.2). */
export const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host)
