// Why weir does not start, in words for the operator.

/** Something the operator named can not be used; the message says what, and holds no secret. */
export class StartError extends Error {}

/** Another weir holds the state directory. */
export class HeldError extends StartError {}

/** limits.yaml could not be used; the message is the whole report. */
export class RulesError extends Error {
  constructor(report: string) {
    super(report)
    this.name = 'RulesError'
  }
}
