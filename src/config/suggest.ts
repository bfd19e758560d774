// Did you mean …? The nearest known word, when it is near enough to be a slip of the hand.

/** The word of `known` that `word` was probably meant to be; undefined when none is near. */
export const nearest = (word: string, known: Iterable<string>): string | undefined => {
  const lower = word.toLowerCase()
  let best: string | undefined
  let bestSteps = Math.max(1, Math.floor(word.length / 3)) + 0.5
  for (const candidate of known) {
    const steps = distance(lower, candidate.toLowerCase())
    if (steps < bestSteps) {
      best = candidate
      bestSteps = steps
    }
  }
  return best
}

/** `; did you mean "x"?` or nothing. */
export const didYouMean = (word: string, known: Iterable<string>): string => {
  const found = nearest(word, known)
  return found === undefined ? '' : `; did you mean "${found}"?`
}

/** `; did you mean "x"?`, or else `; there are: a, b`. */
export const didYouMeanOneOf = (word: string, known: Iterable<string>): string => {
  const words = [...known]
  const guess = didYouMean(word, words)
  if (guess !== '') return guess
  return words.length === 0 ? '; there are none' : `; there are: ${words.join(', ')}`
}

/** Edits between two words: insert, delete, replace, swap of neighbours (optimal string alignment). */
const distance = (a: string, b: string): number => {
  let before: number[] = []
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row]
    for (let column = 1; column <= b.length; column += 1) {
      const same = a[row - 1] === b[column - 1]
      let steps = Math.min(
        (previous[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (previous[column - 1] ?? 0) + (same ? 0 : 1),
      )
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      if (swapped) steps = Math.min(steps, (before[column - 2] ?? 0) + 1)
      current.push(steps)
    }
    before = previous
    previous = current
  }
  return previous[b.length] ?? 0
}
