// The one file that knows ioredis. Its defaults let a call hang for seconds on a server that is gone; here every command
// fails within 50 ms or at once, and whoever asked decides what to do without the store.

import { Cluster, Redis, type RedisOptions } from 'ioredis'
import type { Clock, Timer } from '../core/clock.ts'
import type { Millis } from '../core/units.ts'
import type { RedisAddress } from './address.ts'

/** A call never waits longer for the store. */
const COMMAND_MS: Millis = 50
const RECONNECT_MS: Millis = 100
const CONNECT_MS: Millis = 2000
/** A connection on which an answer is due for so long is given up, and another one is tried. */
const SILENCE_MS: Millis = 2000
const ASK_EVERY_MS: Millis = 1000

/** What weir asks of a Redis client; single server, cluster and sentinel alike. */
export interface RedisConnection {
  /** Runs a script by its digest, and hands it over when the server does not know it. */
  run(script: string, keys: readonly string[], args: readonly string[]): Promise<string>
  /** One command. Rejects within 50 ms when the server does not answer. */
  command(name: string, ...args: readonly string[]): Promise<unknown>
  /** Several commands whose answers nobody needs, on one way; failures are the caller's to ignore. */
  commands(list: readonly (readonly [string, ...string[]])[]): Promise<unknown>
  /** Hears what is published on a channel, for good. */
  subscribe(channel: string, listener: (message: string) => void): void
  /** What went wrong last, in words without credentials or the names of users; undefined while the server answers in time. */
  trouble(): string | undefined
  close(): void
}

/** Opens the way to Redis; nothing waits for it to be open. */
export const connect = (address: RedisAddress, clock: Clock): RedisConnection => {
  const client = clientOf(address)
  const listener = clientOf(address)
  const scripts = new Map<string, string>()
  const trouble: Trouble = { last: undefined }
  const inTime = inTimeBy(clock, trouble)
  const ears = new Map<string, (message: string) => void>()
  const listen = (): void => {
    if (ears.size > 0) listener.subscribe(...ears.keys()).catch(() => {})
  }
  listener.on('message', (channel: string, message: string) => ears.get(channel)?.(message))
  // What could not be asked for while the server was away is asked for again.
  listener.on('ready', listen)
  // Who only hears does not notice that the other end is gone, unless it asks.
  let asking: Timer | undefined
  const ask = (): void => {
    if (listener instanceof Redis) listener.ping().catch(() => {})
    asking = clock.after(ASK_EVERY_MS, ask)
  }
  ask()
  // Without somebody who listens, an error of the connection would end the process.
  listener.on('error', () => {})
  client.on('error', (error: Error) => {
    trouble.last = anonymous(wordsOf(error, address))
  })
  return {
    run: (script, keys, args) => {
      let name = scripts.get(script)
      if (name === undefined) {
        name = `weir${scripts.size}`
        scripts.set(script, name)
        client.defineCommand(name, { lua: script })
      }
      const command = (client as unknown as Record<string, (...all: unknown[]) => Promise<string>>)[name]
      return inTime(command?.call(client, keys.length, ...keys, ...args) ?? Promise.reject(new Error('no such script')))
    },
    command: (name, ...args) => inTime(client.call(name, ...args)),
    commands: (list) => Promise.allSettled(list.map(([name, ...args]) => inTime(client.call(name, ...args)))),
    subscribe: (channel, hear) => {
      ears.set(channel, hear)
      listener.subscribe(channel).catch(() => {})
    },
    trouble: () => trouble.last,
    close: () => {
      asking?.cancel()
      client.disconnect()
      listener.disconnect()
    },
  }
}

interface Trouble {
  last: string | undefined
}

/**
 * Rejects when there is no answer in time. What this process itself was too busy to read is not held against the server: what
 * lies in the socket is read before the verdict. Keeps in mind why the last answer did not come.
 */
const inTimeBy =
  (clock: Clock, trouble: Trouble) =>
  <T>(answer: Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      let failed = false
      const fail = (error: Error): void => {
        failed = true
        // Why there is no connection says more than that there is none.
        if (!isUnconnected(error) || trouble.last === undefined) trouble.last = anonymous(error.message)
        reject(new Error(trouble.last))
      }
      let timer = clock.after(COMMAND_MS, () => {
        timer = clock.after(0, () => fail(new Error(`no answer within ${COMMAND_MS} ms`)))
      })
      const heard = (value: T): void => {
        if (!failed) trouble.last = undefined
        resolve(value)
      }
      answer.then(heard, fail).finally(() => timer.cancel())
    })

/** Redis may name the user who is not permitted to, also where it was a script that was not. */
const anonymous = (message: string): string =>
  /NOPERM|ACL failure in script|user executing the script/.test(message) ? 'Redis refuses a command (NOPERM)' : message

const isUnconnected = ({ message }: Error): boolean => message.includes('enableOfflineQueue')

/** As OpenSSL names it when nobody who is trusted has signed. */
const UNTRUSTED = /certificate in certificate chain|local issuer|self-signed certificate|first certificate/

/** Why there is no connection. The client keeps to itself what its sentinels and the nodes of its cluster said. */
const wordsOf = ({ message }: Error, { form, tls }: RedisAddress): string => {
  const hidden = { one: undefined, sentinel: /sentinels are unreachable/, cluster: /refresh slots cache/ }[form]
  const who = form === 'sentinel' ? 'no sentinel answers' : 'no node of the cluster answers'
  const words = hidden?.test(message) ? (tls ? `${who} over TLS` : who) : message
  return tls && (words !== message || UNTRUSTED.test(message)) ? `${words} (${TRUST})` : words
}

const TRUST = 'an authority of your own is trusted when NODE_EXTRA_CA_CERTS names its file'

const clientOf = (address: RedisAddress): Redis | Cluster => {
  const common = {
    socketTimeout: SILENCE_MS,
    connectTimeout: CONNECT_MS,
    maxRetriesPerRequest: 0,
    ...(address.username === undefined ? {} : { username: address.username }),
    ...(address.password === undefined ? {} : { password: address.password }),
    ...(address.tls ? { tls: {} } : {}),
  }
  const options: RedisOptions = {
    ...common,
    enableOfflineQueue: false,
    retryStrategy: () => RECONNECT_MS,
    // A server that is still reading its file answers with errors; so does one whose replica took over.
    reconnectOnError: (error) => /READONLY|LOADING/.test(error.message),
  }
  const { nodes, form, db, master } = address
  if (form === 'cluster') {
    return new Cluster(
      nodes.map((node) => ({ ...node })),
      {
        enableOfflineQueue: false,
        clusterRetryStrategy: () => RECONNECT_MS,
        // Names are left as they are: over TLS it is the name that a certificate is for.
        dnsLookup: (host, done) => done(null, host),
        // A command that is sent on and on would arrive long after it was given up.
        maxRedirections: 3,
        slotsRefreshTimeout: CONNECT_MS,
        slotsRefreshInterval: 1000,
        redisOptions: common,
      },
    )
  }
  const one: RedisOptions = form === 'sentinel' ? { ...sentinelsOf(address), name: master ?? '' } : nodes[0]
  return new Redis({ ...options, db, ...one, replyMapping: 'legacy' })
}

const sentinelsOf = ({ nodes, tls }: RedisAddress): RedisOptions => ({
  sentinels: nodes.map((node) => ({ ...node })),
  // A sentinel that is frozen would else be waited for.
  sentinelCommandTimeout: CONNECT_MS,
  // Without both, neither the sentinels nor the master they name are asked over TLS, whatever `tls` says.
  ...(tls ? { enableTLSForSentinelMode: true, sentinelTLS: {} } : {}),
})
