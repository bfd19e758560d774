// How a command ends that can not do what it was asked.

/** Tells why on standard error, where it does not mix with what a command prints for programs; returns `status`. */
export const complain = (text: string, status: number): number => {
  process.stderr.write(`${text}\n`)
  return status
}
