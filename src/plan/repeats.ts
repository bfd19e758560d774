// What a cache would save: identical public GETs (method, host, path, query in any order) asked again while the answer is young.

import type { Millis } from '../core/units.ts'
import type { PlannedCall } from './calls.ts'
import type { Priced } from './price.ts'

/** A trace without the calls that a cache would have answered. */
export interface Thinned {
  readonly rest: readonly Priced[]
  readonly saved: number
}

/** Calls in order of time; every answer is young for as long as `freshOf` says, from when it was asked for. */
export const thin = (calls: readonly Priced[], freshOf: (call: PlannedCall) => Millis): Thinned => {
  const askedAt = new Map<string, Millis>()
  const rest = calls.filter(({ call }) => {
    const { question, atMs } = call
    if (question === undefined || atMs === undefined) return true
    const at = askedAt.get(question)
    if (at !== undefined && atMs - at < freshOf(call)) return false
    askedAt.set(question, atMs)
    return true
  })
  return { rest, saved: calls.length - rest.length }
}

/** Public GETs, and how many different ones there are. */
export const questionsOf = (calls: readonly PlannedCall[]): { readonly asked: number; readonly different: number } => {
  const questions = calls.flatMap(({ question }) => (question === undefined ? [] : [question]))
  return { asked: questions.length, different: new Set(questions).size }
}
