// A request as a bot makes it, whichever way it goes.

/** Kraken's GET unless told. */
export interface Asked {
  readonly host?: string
  readonly method?: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** The body of an answer as JSON; undefined when it is none. */
export const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
