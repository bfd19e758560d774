// The last so many of something, oldest first. Bounded, so that history never becomes a leak.

/** Keeps the newest `capacity` items. */
export class Ring<Item> {
  readonly #capacity: number
  readonly #items: Item[] = []
  /** Where the next item goes, once full: the place of the oldest. */
  #next = 0

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  push(item: Item): void {
    this.#items[this.#next] = item
    this.#next = (this.#next + 1) % this.#capacity
  }

  /** The newest `limit` items, oldest first. */
  list(limit = this.#capacity): Item[] {
    const inOrder =
      this.#items.length < this.#capacity
        ? this.#items
        : [...this.#items.slice(this.#next), ...this.#items.slice(0, this.#next)]
    return limit <= 0 ? [] : inOrder.slice(-limit)
  }
}
