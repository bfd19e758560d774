// Why weir does not start, in words for the operator.

/** Something the operator named can not be used; the message says what, and holds no secret. */
export class StartError extends Error {}

/** Another weir holds the state directory. */
export class HeldError extends StartError {
  /** Where that one can be asked; undefined when it serves its own command alone. */
  readonly admin: string | undefined

  constructor(message: string, admin: string | undefined) {
    super(message)
    this.admin = admin
  }
}

/** limits.yaml could not be used; the message is the whole report. */
export class RulesError extends Error {
  constructor(report: string) {
    super(report)
    this.name = 'RulesError'
  }
}
