// What weir watches calls with, blind: the same parts, put into its place by `unobserved.ts`, that are told of no call and do
// nothing at their hour. They follow from the real ones, so that the compiler says when these change.

import { createWatch as createSeeing, type Watch, type WatchParts } from '../src/app/watch.ts'
import type { Observer } from '../src/core/events.ts'
import { History as SeeingHistory } from '../src/observe/history.ts'
import { Spenders as SeeingSpenders } from '../src/observe/spenders.ts'

const ignored: Observer = () => {}

/** Keeps no history. */
export class History extends SeeingHistory {
  override readonly observer = ignored
  override start(): void {}
}

/** Knows of nobody who spent anything. */
export class Spenders extends SeeingSpenders {
  override readonly observer = ignored
}

/** No statistics, failures, questions or alerts. */
export const createWatch = (parts: WatchParts): Watch => ({
  ...createSeeing(parts),
  observers: [],
  start: () => {},
})
