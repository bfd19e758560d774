// Things by account and name, in little memory: a name is kept as one number, for 200,000 names of 20 to 60 characters would
// be most of what is remembered. The names that were given last are kept, a generation of them at least, two at most.

/** Names in one generation: two each for 100,000 orders. */
const GENERATION = 200_000

/** Finds what goes by a name, given as its number. Names that were not given for long are forgotten. */
export class Names<Thing> {
  readonly #generation: number
  #young = new Map<number, Thing>()
  #old = new Map<number, Thing>()

  constructor(generation = GENERATION) {
    this.#generation = generation
  }

  get(name: number): Thing | undefined {
    return this.#young.get(name) ?? this.#old.get(name)
  }

  give(name: number, thing: Thing): void {
    if (this.#young.size >= this.#generation) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(name, thing)
  }

  /** Everything that has a name, once per name or more. */
  *things(): Iterable<Thing> {
    yield* this.#old.values()
    yield* this.#young.values()
  }
}

/**
 * What an account calls a thing, as a number of 53 bits. Among 200,000 names any two are taken for one with a chance of one
 * in 450,000, and then one order is priced by the age of another.
 */
export const numberOf = (account: string, name: string): number => {
  let low = 0x6a09e667
  let high = 0xbb67ae85
  for (const text of [account, ' ', name]) {
    for (let index = 0; index < text.length; index += 1) {
      const code = text.charCodeAt(index)
      low = Math.imul(low ^ code, 0x9e3779b1)
      high = Math.imul((high >>> 27) ^ (high << 5) ^ code, 0x85ebca77)
    }
  }
  low = Math.imul(low ^ (high >>> 15), 0x2c1b3c6d)
  high = Math.imul(high ^ (low >>> 13), 0x297a2d39)
  return (high >>> 11) * 2 ** 32 + (low >>> 0)
}
