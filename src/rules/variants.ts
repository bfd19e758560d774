// Values given per tier or per costs word: the exchange's own words choose. A word that chooses nothing is reported.

import type { ExchangeConfig } from '../config/schema.ts'
import { didYouMeanOneOf, nearest } from '../config/suggest.ts'
import type { Path } from '../config/yaml.ts'

/** Takes one fault: where, what. */
export type Report = (path: Path, message: string, at?: 'key' | 'value') => void

/** A value, or one per word. */
export type Varied<T> = T | Readonly<Record<string, T>>

/** Chooses for one exchange; reports what can not be chosen and goes on with `otherwise`. */
export class Variants {
  readonly #exchange: ExchangeConfig
  readonly #path: Path
  readonly #report: Report
  /** Words of each map seen, to find the map that lacks one that others have. */
  readonly #maps: { readonly path: Path; readonly words: readonly string[]; readonly by: 'tier' | 'costs' }[] = []

  constructor(exchange: ExchangeConfig, path: Path, report: Report) {
    this.#exchange = exchange
    this.#path = path
    this.#report = report
  }

  /** The number that counts for this exchange. */
  choose(value: Varied<number>, path: Path, otherwise = 1): number {
    if (typeof value === 'number') return value
    const words = Object.keys(value)
    const { tier, costs } = this.#exchange
    for (const [by, word] of [
      ['tier', tier],
      ['costs', costs],
    ] as const) {
      const chosen = word === undefined ? undefined : value[word]
      if (chosen === undefined) continue
      this.#maps.push({ path, words, by })
      return chosen
    }
    this.#missing(words, path)
    return otherwise
  }

  /** Reports maps whose words are not those of the other maps of the same kind: a slip would show up with the next tier. */
  finish(): void {
    for (const by of ['tier', 'costs'] as const) {
      const maps = this.#maps.filter((map) => map.by === by)
      const usual = new Set(maps.toSorted((a, b) => b.words.length - a.words.length)[0]?.words)
      for (const { path, words } of maps) {
        for (const word of words) {
          if (usual.has(word)) continue
          this.#report(
            [...path, word],
            `"${word}" is not a ${by} of this exchange${didYouMeanOneOf(word, usual)}`,
            'key',
          )
        }
        for (const word of usual) {
          if (
            words.includes(word) ||
            nearest(
              word,
              words.filter((other) => !usual.has(other)),
            ) !== undefined
          )
            continue
          this.#report(path, `has no value for ${by} "${word}", which other values of this exchange have`, 'key')
        }
      }
    }
  }

  #missing(words: readonly string[], path: Path): void {
    const { tier, costs } = this.#exchange
    const guessed = [tier, costs].find((word) => word !== undefined && nearest(word, words) !== undefined)
    // A word that has chosen elsewhere is right; the fault is then in the other one.
    const chosen = new Set(this.#maps.map(({ by }) => by))
    const word = guessed ?? (chosen.has('tier') ? (costs ?? tier) : (tier ?? costs))
    if (word === undefined) {
      this.#report(
        path,
        `has one value each for ${words.join(', ')}, but the exchange has no tier and no costs word`,
        'key',
      )
      return
    }
    const by = word === tier ? 'tier' : 'costs'
    this.#report(
      [...this.#path, by],
      `"${word}" chooses nothing in ${path.slice(2).join('.')}${didYouMeanOneOf(word, words)}`,
    )
  }
}
