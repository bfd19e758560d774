// Where an exchange's name leads. In transparent mode the system is told that exchanges are where weir is, and weir would call
// itself: an answer that is one of this machine's own addresses is therefore not believed. DNS is asked instead, which knows
// nothing of the hosts file; when that says the same, the call fails with advice.

import { lookup as systemLookup } from 'node:dns'
import { Resolver } from 'node:dns/promises'
import { isIP, type LookupFunction } from 'node:net'
import { networkInterfaces } from 'node:os'
import { WeirError } from '../core/errors.ts'

export interface ResolverOptions {
  /** DNS servers to ask, `ADDRESS` or `ADDRESS:PORT`; empty: the system is asked, and its servers where its answer is no use. */
  readonly servers: readonly string[]
  /** Hears of a name that leads to weir itself, every time. */
  readonly onLoop: (host: string) => void
  /** The system's resolver; Node's unless given. */
  readonly system?: LookupFunction
}

interface Found {
  readonly address: string
  readonly family: number
}

const PATIENCE_MS = 2000

/** A lookup for connections to exchanges. Its error for a name that leads here is a WeirError. */
export const exchangeLookup = ({ servers, onLoop, system = systemLookup }: ResolverOptions): LookupFunction => {
  const dns = new Resolver({ timeout: PATIENCE_MS, tries: 2 })
  if (servers.length > 0) dns.setServers(servers)
  return (host, options, callback) => {
    const give = (found: readonly Found[]): void => {
      const [first] = found
      if (first === undefined) callback(leadsHere(host, onLoop), '', 0)
      else if (options.all === true) callback(null, [...found])
      else callback(null, first.address, first.family)
    }
    const askDns = (): void => void resolveAll(dns, host).then((found) => give(found.filter(isElsewhere)))
    if (servers.length > 0) return askDns()
    system(host, { ...options, all: true }, (error, answer) => {
      if (error !== null) return callback(error, '', 0)
      const all = typeof answer === 'string' ? [{ address: answer, family: isIP(answer) }] : answer
      if (all.every(isElsewhere)) give(all)
      else askDns()
    })
  }
}

/** Whether an address, in its plain spelling, is one of this machine's own. */
export const isOwnAddress = (address: string): boolean => {
  if (address === 'localhost' || address === '::1' || address === '::' || /^(?:::ffff:)?(?:127|0)\./.test(address))
    return true
  return Object.values(networkInterfaces()).some((entries) => entries?.some((entry) => entry.address === address))
}

const isElsewhere = ({ address }: Found): boolean => !isOwnAddress(address)

/** Both families; the one that has no answer, or fails, is left out. */
const resolveAll = async (dns: Resolver, host: string): Promise<readonly Found[]> => {
  const [v4, v6] = await Promise.allSettled([dns.resolve4(host), dns.resolve6(host)])
  return [
    ...(v4.status === 'fulfilled' ? v4.value : []).map((address) => ({ address, family: 4 })),
    ...(v6.status === 'fulfilled' ? v6.value : []).map((address) => ({ address, family: 6 })),
  ]
}

const leadsHere = (host: string, onLoop: (host: string) => void): WeirError => {
  onLoop(host)
  return new WeirError('upstream_unreachable', {
    message:
      `${host} leads back to weir (a hosts file, or the name of its container), and DNS knows no other address. Name a DNS ` +
      `server that does with --dns, or the address itself with --connect-to ${host}:443:ADDRESS:443.`,
  })
}
