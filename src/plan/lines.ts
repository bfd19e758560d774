// A stream cut at line feeds.

import type { Splitter } from './item.ts'

/** Lines without their ends; empty ones too, so that counting them gives line numbers. */
export class Lines implements Splitter {
  #rest = ''

  feed(chunk: string): readonly string[] {
    const lines = (this.#rest + chunk).split('\n')
    this.#rest = lines.pop() ?? ''
    return lines
  }

  end(): { readonly last?: string } {
    return this.#rest === '' ? {} : { last: this.#rest }
  }
}
