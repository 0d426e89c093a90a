import { quantileSorted } from 'simple-statistics'
import type { Random } from './random.ts'

/** A 95 % interval. */
export interface Interval {
  readonly low: number
  readonly high: number
}

/** Median of `n` values with its 95 % interval; for fewer than 3 values `low` and `high` are the smallest and largest. */
export interface Summary extends Interval {
  readonly median: number
  readonly n: number
}

/** A share of `n` with its 95 % Wilson interval. */
export interface Rate extends Interval {
  readonly rate: number
  readonly n: number
}

const tail = 0.025
/** The 0.975 quantile of the normal distribution. */
const normalQuantile = 1.959963984540054
const defaultResamples = 5000

/** Linear interpolation between order statistics (type 7 of R and NumPy); `values` in any order, never empty. */
export function quantile(values: readonly number[], share: number): number {
  return quantileSorted(ascending(values), share)
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/**
 * Median with its bootstrap percentile interval (Efron & Tibshirani, An Introduction to the Bootstrap, 1993, ch. 13).
 * Not BCa: its acceleration comes from the jackknife, which is inconsistent for the median.
 * Throws for an empty list.
 */
export function summarise(
  values: readonly number[],
  random: Random,
  resamples: number = defaultResamples,
): Summary {
  const sorted = ascending(values)
  const n = sorted.length
  const middle = quantileSorted(sorted, 0.5)
  if (n < 3) return { median: middle, low: quantileSorted(sorted, 0), high: quantileSorted(sorted, 1), n }
  const draw = medianOfResample(sorted, random)
  return { median: middle, ...percentiles(Array.from({ length: resamples }, draw)), n }
}

/**
 * Ratio of two medians, `values` over `baseline`, with a percentile interval from resampling both independently.
 * `n` is the smaller of the two counts; below 3, the interval is that of the extremes divided.
 * Undefined where a ratio means nothing: a side is empty, or a baseline value is not above 0.
 */
export function ratioOfMedians(
  values: readonly number[],
  baseline: readonly number[],
  random: Random,
  resamples: number = defaultResamples,
): Summary | undefined {
  if (values.length === 0 || baseline.length === 0 || baseline.some((value) => value <= 0)) return undefined
  const above = ascending(values)
  const below = ascending(baseline)
  const n = Math.min(above.length, below.length)
  const ratio = quantileSorted(above, 0.5) / quantileSorted(below, 0.5)
  if (n < 3) {
    const low = quantileSorted(above, 0) / quantileSorted(below, 1)
    const high = quantileSorted(above, 1) / quantileSorted(below, 0)
    return { median: ratio, low, high, n }
  }
  const drawAbove = medianOfResample(above, random)
  const drawBelow = medianOfResample(below, random)
  const ratios = Array.from({ length: resamples }, () => drawAbove() / drawBelow())
  return { median: ratio, ...percentiles(ratios), n }
}

/**
 * Wilson's score interval without continuity correction (Wilson 1927; method 3 of Newcombe, Statistics in Medicine
 * 17, 1998): stays inside [0, 1] and is not empty at 0 of n, which matters for the few trials of a cell.
 * Throws a RangeError unless 0 ≤ count ≤ n and n > 0.
 */
export function wilsonRate(count: number, n: number): Rate {
  if (!(n > 0 && count >= 0 && count <= n)) throw new RangeError(`no rate: ${count} of ${n}`)
  const rate = count / n
  const square = normalQuantile ** 2
  const centre = (rate + square / (2 * n)) / (1 + square / n)
  const half =
    (normalQuantile * Math.sqrt((rate * (1 - rate)) / n + square / (4 * n ** 2))) / (1 + square / n)
  // The ends are exact there; floating point would leave them a hair off.
  const low = count === 0 ? 0 : centre - half
  const high = count === n ? 1 : centre + half
  return { rate, low, high, n }
}

/**
 * How often the range from the smallest to the largest of `n` values holds the true median: 1 - 2^(1-n) for any
 * continuous distribution. It passes 95 % at n = 6: below that no interval of the median can keep the promise.
 */
export function rangeCoverage(n: number): number {
  return n < 1 ? 0 : 1 - 2 ** (1 - n)
}

/** Draws medians of resamples of the sorted values: counts of drawn ranks give it without sorting each resample. */
function medianOfResample(sorted: readonly number[], random: Random): () => number {
  const n = sorted.length
  const counts = new Uint32Array(n)
  const lowerRank = Math.ceil(n / 2)
  const upperRank = Math.floor(n / 2) + 1
  const valueAtRank = (rank: number): number => {
    let seen = 0
    for (let i = 0; i < n; i++) {
      seen += counts[i] ?? 0
      if (seen >= rank) return sorted[i] ?? Number.NaN
    }
    return Number.NaN
  }
  return () => {
    counts.fill(0)
    for (let i = 0; i < n; i++) {
      const drawn = Math.floor(random() * n)
      counts[drawn] = (counts[drawn] ?? 0) + 1
    }
    return (valueAtRank(lowerRank) + valueAtRank(upperRank)) / 2
  }
}

function percentiles(draws: readonly number[]): Interval {
  // Typed arrays sort by number, several times faster than with a comparison: this is most of a report's time.
  const sorted = [...Float64Array.from(draws).sort()]
  return { low: quantileSorted(sorted, tail), high: quantileSorted(sorted, 1 - tail) }
}

function ascending(values: readonly number[]): number[] {
  return values.toSorted((a, b) => a - b)
}
