// Why did the exchange refuse a call that weir had let go? A pure function from evidence to cause. It names a cause only when
// the numbers leave little else; what is left over is unexplained, and makes the bucket use less of its rate for a time.

import type { Cause, Evidence } from '../core/autopsy.ts'
import type { LowerTier } from '../core/rules.ts'
import type { Millis, Tokens } from '../core/units.ts'

/** Decimal fractions do not add up exactly in binary. */
const HAIR: Tokens = 1e-6
/** A counter that decays in steps lags behind a steady one by less than this. */
const NEAR_MISS: Tokens = 1
/** What a lower tier would have granted and what was sent may differ by the calls at both ends, or by this share. */
const ENDS: Tokens = 1.5
const FITS_WITHIN = 0.15
/** Below this difference two tiers can not be told apart. */
const TELLING: Tokens = 3

/** The first cause that fits, the surest first. */
export const diagnose = (evidence: Evidence): Cause => {
  if (evidence.gate) return 'gate'
  if (!evidence.fresh) return 'echo'
  if (evidence.believed < -HAIR) return 'foreseen'
  if (evidence.troubled) return 'host'
  if (isCold(evidence)) return 'cold_start'
  if (lowerTierOf(evidence) !== undefined) return 'lower_tier'
  if (isNearMiss(evidence)) return 'steps'
  return 'unexplained'
}

/** The lower tier that explains what passed and what did not. */
export const lowerTierOf = (evidence: Evidence): LowerTier | undefined => {
  const { previous, refill, capacity, room, deepest, cost, lowerTiers } = evidence
  const rested = isRested(evidence)
  return lowerTiers.find((tier) => {
    if (deepest > tier.capacity + NEAR_MISS) return false
    // From rest, a lower capacity refuses the first call above it.
    if (rested && capacity - tier.capacity < TELLING) return false
    if (rested) return Math.abs(capacity - room - tier.capacity - cost / 2) <= Math.max(1, cost / 2) + HAIR
    if (previous === undefined || (refill - tier.refill) * previous.agoMs < TELLING) return false
    // Between two refusals the budget was empty at both ends: what passed is what was refilled.
    const granted = tier.refill * previous.agoMs
    return Math.abs(previous.sent - cost - granted) <= Math.max(ENDS, granted * FITS_WITHIN)
  })
}

/** Whatever was spent before weir saw the bucket may still count; a refusal empties the model, and then it does not matter. */
const isCold = (evidence: Evidence): boolean =>
  evidence.coldStart > 0 &&
  evidence.knownForMs < fillMs(evidence) &&
  (evidence.kind === 'window' || evidence.previous === undefined)

const isNearMiss = (evidence: Evidence): boolean =>
  evidence.kind === 'bucket' && evidence.room < NEAR_MISS && isRested(evidence)

/** No refusal for so long that the bucket may have been full meanwhile. */
const isRested = (evidence: Evidence): boolean =>
  evidence.previous === undefined || evidence.previous.agoMs > 2 * fillMs(evidence)

const fillMs = ({ capacity, refill }: Evidence): Millis => capacity / refill
