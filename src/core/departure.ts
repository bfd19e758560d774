// Calls that end although neither weir nor the exchange would have it so: somebody goes.

/** The bot hung up before its call was answered: nobody is there to be told. */
export class BotLeft extends Error {
  constructor() {
    super('the bot hung up')
    this.name = 'BotLeft'
  }
}

/** weir was told to stop, and could wait for the exchange no longer: no fault of the exchange. */
export class WeirStops extends Error {
  /** For the log. */
  readonly code = 'stopped'

  constructor() {
    super('weir stops')
    this.name = 'WeirStops'
  }
}
