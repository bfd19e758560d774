// Is it getting worse? Mann's test (H. B. Mann, Econometrica 13, 1945): of all pairs of moments, how many rise and how many
// fall. It asks nothing of the shape of the numbers, and is not fooled by one bad minute.

/** So many standard deviations from an even balance are no chance: nine times in ten. */
const TELLING = 1.645

/** Whether counts, oldest first, rise or fall. */
export const trendOf = (counts: readonly number[]): 'increasing' | 'stable' | 'decreasing' => {
  let balance = 0
  for (const [later, count] of counts.entries()) {
    for (const earlier of counts.slice(0, later)) balance += Math.sign(count - earlier)
  }
  const deviation = Math.sqrt(variance(counts))
  if (deviation === 0 || balance === 0) return 'stable'
  const distance = (balance - Math.sign(balance)) / deviation
  if (Math.abs(distance) < TELLING) return 'stable'
  return distance > 0 ? 'increasing' : 'decreasing'
}

/** Of the balance, were there no trend; equal counts make it smaller (M. G. Kendall, Rank Correlation Methods). */
const variance = (counts: readonly number[]): number => {
  const ties = new Map<number, number>()
  for (const count of counts) ties.set(count, (ties.get(count) ?? 0) + 1)
  const term = (n: number): number => n * (n - 1) * (2 * n + 5)
  return [...ties.values()].reduce((rest, size) => rest - term(size), term(counts.length)) / 18
}
