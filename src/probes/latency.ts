import { quantileSorted } from 'simple-statistics'
import { millisecondsBetween } from '../core/time.ts'
import type { GoodAnswer } from './gaps.ts'
import type { Sample } from './sample.ts'

/**
 * The p-quantile (0 to 1) by the definition of simple-statistics' `quantileSorted`: linear between the two values next
 * to position (n - 1)·p (type 7 of Hyndman and Fan, 1996; the default of R and NumPy).
 * Undefined for no values, and where it would not be finite.
 */
export function quantile(values: readonly number[], p: number): number | undefined {
  if (values.length === 0) return undefined
  const found = quantileSorted(
    values.toSorted((a, b) => a - b),
    p,
  )
  return Number.isFinite(found) ? found : undefined
}

/**
 * How long the client of a probe waited, in milliseconds from the time it was due. A probe that failed counts to the
 * first good answer that came after its failure: what a client that tries again would have waited. Infinity where none
 * came. `good` are all good answers, in the order in which they came.
 */
export function waitedMs(sample: Sample, good: readonly GoodAnswer[]): number {
  if (sample.done === undefined) return Number.POSITIVE_INFINITY
  if (sample.outcome === 'ok') return millisecondsBetween(sample.due, sample.done)
  const next = firstAfter(good, sample.done)
  return next === undefined ? Number.POSITIVE_INFINITY : millisecondsBetween(sample.due, next)
}

/** Stamp of the first answer after `instant`, by bisection. */
function firstAfter(good: readonly GoodAnswer[], instant: bigint): bigint | undefined {
  let low = 0
  let high = good.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const done = good[middle]?.done
    if (done !== undefined && done <= instant) low = middle + 1
    else high = middle
  }
  return good[low]?.done
}
