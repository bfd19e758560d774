// The one file that knows ioredis. Its defaults let a call hang for seconds on a server that is gone; here every command
// fails within 50 ms or at once, and whoever asked decides what to do without the store.

import { Cluster, Redis, type RedisOptions } from 'ioredis'
import type { Clock } from '../core/clock.ts'
import type { Millis } from '../core/units.ts'
import type { RedisAddress } from './address.ts'

/** A call never waits longer for the store. */
const COMMAND_MS: Millis = 50
const RECONNECT_MS: Millis = 100
const CONNECT_MS: Millis = 2000
/** A connection on which an answer is due for so long is given up, and another one is tried. */
const SILENCE_MS: Millis = 2000

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
  /** Hears of trouble with the connection, in words without credentials. */
  onTrouble(listener: (message: string) => void): void
  close(): void
}

/** Opens the way to Redis; nothing waits for it to be open. */
export const connect = (address: RedisAddress, clock: Clock): RedisConnection => {
  const client = clientOf(address, { socketTimeout: SILENCE_MS })
  const listener = clientOf(address, {})
  const scripts = new Map<string, string>()
  const inTime = inTimeBy(clock)
  const ears = new Map<string, (message: string) => void>()
  const listen = (): void => {
    if (ears.size > 0) listener.subscribe(...ears.keys()).catch(() => {})
  }
  listener.on('message', (channel: string, message: string) => ears.get(channel)?.(message))
  // What could not be asked for while the server was away is asked for again.
  listener.on('ready', listen)
  // Without somebody who listens, an error of the connection would end the process.
  listener.on('error', () => {})
  client.on('error', () => {})
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
    onTrouble: (hear) => {
      client.on('error', (error: Error) => hear(error.message))
    },
    close: () => {
      client.disconnect()
      listener.disconnect()
    },
  }
}

/**
 * Rejects when there is no answer in time. What this process itself was too busy to read is not held against the server: what
 * lies in the socket is read before the verdict.
 */
const inTimeBy =
  (clock: Clock) =>
  <T>(answer: Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      let timer = clock.after(COMMAND_MS, () => {
        timer = clock.after(0, () => reject(new Error(`no answer within ${COMMAND_MS} ms`)))
      })
      answer.then(resolve, reject).finally(() => timer.cancel())
    })

const clientOf = (address: RedisAddress, own: Pick<RedisOptions, 'socketTimeout'>): Redis | Cluster => {
  const login = {
    ...(address.username === undefined ? {} : { username: address.username }),
    ...(address.password === undefined ? {} : { password: address.password }),
    ...(address.tls ? { tls: {} } : {}),
  }
  const options: RedisOptions = {
    ...own,
    ...login,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    connectTimeout: CONNECT_MS,
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
        // A command that is sent on and on would arrive long after it was given up.
        maxRedirections: 3,
        slotsRefreshTimeout: CONNECT_MS,
        slotsRefreshInterval: 1000,
        redisOptions: { ...own, ...login, connectTimeout: CONNECT_MS, maxRetriesPerRequest: 0 },
      },
    )
  }
  const one = form === 'sentinel' ? { sentinels: nodes.map((node) => ({ ...node })), name: master ?? '' } : nodes[0]
  return new Redis({ ...options, replyMapping: 'legacy', db, ...one })
}
