// Is the bot still there? A tenth of an AbortController's cost, which matters on every call.

/** Whether somebody still waits for an answer. Leaving happens once and is final. */
export class Presence {
  #left = false
  #listeners: (() => void)[] | undefined

  /** True once the bot has hung up. */
  get left(): boolean {
    return this.#left
  }

  /** Calls `listener` when the bot leaves; at once if it already has. Returns how to stop listening. */
  onLeave(listener: () => void): () => void {
    if (this.#left) {
      listener()
      return () => {}
    }
    this.#listeners ??= []
    this.#listeners.push(listener)
    return () => {
      const at = this.#listeners?.indexOf(listener) ?? -1
      if (at >= 0) this.#listeners?.splice(at, 1)
    }
  }

  /** The bot has gone. */
  leave(): void {
    if (this.#left) return
    this.#left = true
    const listeners = this.#listeners
    this.#listeners = undefined
    for (const listener of listeners ?? []) listener()
  }
}
