// A server that several weirs share, as far as the parts that use it need to know: Redis.

/** Runs scripts and hands on what is published. A run that is not answered within 50 ms rejects; it may have been done. */
export interface Scripting {
  run(script: string, keys: readonly string[], args: readonly string[]): Promise<string>
  subscribe(channel: string, listener: (message: string) => void): void
}
