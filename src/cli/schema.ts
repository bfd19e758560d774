// `weir schema`: the JSON Schema of limits.yaml, for editors.

import { limitsSchemaText } from '../config/reference.ts'

/** Prints it. */
export const schema = async (): Promise<number> => {
  process.stdout.write(limitsSchemaText())
  return 0
}
