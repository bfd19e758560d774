// The pages of what went wrong: failures with their analysis, and the list of errors that older tools read.

import type { AdminDeps } from './deps.ts'

/** `/v1/failures`: the last failures of an exchange, or of all, and how they are spread. */
export const failuresOf = (deps: AdminDeps, service: string | undefined, limit: number) => {
  const failures = deps.failures(service)
  const services = new Set(failures.map((one) => one.service))
  const categories = new Map<string, number>()
  for (const { category } of failures) categories.set(category, (categories.get(category) ?? 0) + 1)
  return {
    globalStats: {
      totalFailures: failures.length,
      totalServices: services.size,
      categoryDistribution: Object.fromEntries(categories),
    },
    services: Object.fromEntries(
      [...services].map((name) => {
        const { totalFailures, failureRate } = deps.analyse(name)
        return [name, { failureCount: totalFailures, failureRate }]
      }),
    ),
    failures: failures.slice(-limit),
  }
}

/** `/v1/failures/analysis`: one exchange, or each that is known. Undefined for an exchange that is not. */
export const analysesOf = (deps: AdminDeps, service: string | null) => {
  const known = deps.exchanges()
  if (service === null) return { analyses: known.map(deps.analyse) }
  return known.includes(service) ? deps.analyse(service) : undefined
}

/** `/errors`: failures as a plain list, newest first; one is resolved once its host has answered again. */
export const errorsOf = (deps: AdminDeps, limit: number) => {
  const okSince = new Map(deps.services().map(({ name, lastOkAtWallMs }) => [name, lastOkAtWallMs ?? 0]))
  return {
    errors: deps
      .failures(undefined)
      .slice(-limit)
      .reverse()
      .map(({ category, class: id, host, message, atWallMs, call }) => ({
        // Several may fail within a millisecond.
        id: `${category}_${Math.round(atWallMs)}_${call}`,
        errorType: id ?? category,
        message,
        timestamp: new Date(atWallMs).toISOString(),
        resolved: (okSince.get(host) ?? 0) > atWallMs,
      })),
  }
}
