// `weir schema`: the JSON Schema of limits.yaml, for editors.

import { limitsSchema } from '../config/schema.ts'

/** Prints it. */
export const schema = async (): Promise<number> => {
  process.stdout.write(`${JSON.stringify(limitsSchema(), null, 2)}\n`)
  return 0
}
