// No test leaves the machine: a connection to anything but loopback fails, once its name is resolved and before a packet
// is sent.

import { isIP, Socket } from 'node:net'

type Connect = (this: Socket, ...args: unknown[]) => Socket

const connect = Socket.prototype.connect as Connect

// Files that share a process come by here one after the other.
if (connect.name !== stayHere.name) Socket.prototype.connect = stayHere

function stayHere(this: Socket, ...args: unknown[]): Socket {
  const check = (address: string | undefined): void => {
    if (address === undefined || isIP(address) === 0 || isHere(address)) return
    this.destroy(new Error(`a test must not connect to ${address}`))
  }
  this.on('lookup', (_error, address) => check(address))
  const socket = connect.apply(this, args)
  check(hostOf(args))
  return socket
}

/** Node's own callers hand over the normalised arguments in an array; others options, or a port and a host. */
function hostOf(args: readonly unknown[]): string | undefined {
  const first: unknown = Array.isArray(args[0]) ? args[0][0] : args[0]
  if (typeof first === 'object' && first !== null && 'host' in first) return String(first.host)
  return typeof args[1] === 'string' ? args[1] : undefined
}

function isHere(address: string): boolean {
  return address === '::1' || /^(::ffff:)?127\./.test(address)
}
