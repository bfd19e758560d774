// Things that are to be written elsewhere, numbered in the order in which they came, kept until they are known to be there.

/** A thing and its number. */
export interface Numbered<Item> {
  readonly number: number
  readonly item: Item
}

/** Keeps the newest, so many at most. Numbers begin with 1. */
export class Outbox<Item> {
  readonly #bound: number
  #waiting: Numbered<Item>[] = []
  #last = 0
  #written = 0

  constructor(bound: number) {
    this.#bound = bound
  }

  /** What waits now, oldest first; what comes later is not in it. */
  get waiting(): readonly Numbered<Item>[] {
    return [...this.#waiting]
  }

  /** The first number that is not known to be written; what had it may have been dropped since. */
  get first(): number {
    return this.#written + 1
  }

  /** The last number that was given. */
  get last(): number {
    return this.#last
  }

  push(item: Item): void {
    this.#last += 1
    if (this.#waiting.length >= this.#bound) this.#waiting.shift()
    this.#waiting.push({ number: this.#last, item })
  }

  /** All up to that number are where they belong. */
  wrote(number: number): void {
    this.#written = number
    this.#waiting = this.#waiting.filter((one) => one.number > number)
  }
}
