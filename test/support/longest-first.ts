// In which order test files start: the folders with long ones first, so that at the end no processor waits for one of them.

import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Those whose files take longest. A folder that is missing here costs seconds. */
const LONG = ['clients', 'system', 'redis', 'dashboard', 'cli', 'launch', 'tls', 'support']

/** Within a folder as vitest would have it: by what it remembers of a file, else by its size. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    return sorted.toSorted((a, b) => rank(a) - rank(b))
  }
}

const rank = ({ moduleId }: TestSpecification): number => {
  const place = LONG.findIndex((folder) => moduleId.includes(`/test/${folder}/`))
  return place < 0 ? LONG.length : place
}
