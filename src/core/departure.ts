// Not a refusal and not a failure: nobody is there to be told.

/** The bot hung up before its call was answered. */
export class BotLeft extends Error {
  constructor() {
    super('the bot hung up')
    this.name = 'BotLeft'
  }
}
