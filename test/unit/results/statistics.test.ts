import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { randomFrom } from '../../../src/results/random.ts'
import {
  median,
  quantile,
  rangeCoverage,
  ratioOfMedians,
  summarise,
  wilsonRate,
} from '../../../src/results/statistics.ts'

const sample = fc.array(fc.double({ min: 0.001, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 12 })

describe('quantile', () => {
  test('agrees with R: quantile(c(3, 6, 7, 8, 8, 9, 10, 13, 15, 16, 20), type = 7)', () => {
    const values = [20, 3, 6, 7, 8, 8, 9, 10, 13, 15, 16]
    expect([0, 0.25, 0.5, 0.75, 1].map((share) => quantile(values, share))).toEqual([3, 7.5, 9, 14, 20])
  })

  test('median of an even count is the mean of the two in the middle', () => {
    expect(median([4, 1, 3, 2])).toBe(2.5)
  })
})

describe('summarise', () => {
  test('gives the range for fewer than three values', () => {
    expect(summarise([5], randomFrom('x'))).toEqual({ median: 5, low: 5, high: 5, n: 1 })
    expect(summarise([9, 5], randomFrom('x'))).toEqual({ median: 7, low: 5, high: 9, n: 2 })
  })

  test('throws for nothing to summarise', () => {
    expect(() => summarise([], randomFrom('x'))).toThrow('at least one')
  })

  // For odd n the bootstrap distribution of the median is known in closed form (Maritz & Jarrett, JASA 73, 1978):
  // it is at most the k-th smallest value when more than half of n draws are among the k smallest.
  test.each([3, 5, 7, 9, 11, 15, 21])('agrees with the exact bootstrap of the median for n = %i', (n) => {
    const values = Array.from({ length: n }, (_, i) => 10 * (i + 1))
    const { low, high } = summarise(values, randomFrom('exact'), 40_000)
    const noise = 0.003
    for (const [end, share] of [
      [low, 0.025],
      [high, 0.975],
    ] as const) {
      expect(exactShare(n, end / 10)).toBeGreaterThan(share - noise)
      expect(exactShare(n, end / 10 - 1)).toBeLessThan(share + noise)
    }
  })

  test('holds the true median about as often as it says', () => {
    const random = randomFrom('coverage')
    const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
    const runs = 1000
    let held = 0
    for (let run = 0; run < runs; run++) {
      const values = Array.from({ length: 21 }, () => 7 + normal())
      const { low, high } = summarise(values, random, 500)
      if (low <= 7 && 7 <= high) held++
    }
    expect(held / runs).toBeGreaterThan(0.92)
    expect(held / runs).toBeLessThan(0.98)
  })

  test('lies within the values, around the median, and is the same for the same seed', () => {
    fc.assert(
      fc.property(sample, fc.string(), (values, seed) => {
        const first = summarise(values, randomFrom(seed), 200)
        expect(first).toEqual(summarise(values.toReversed(), randomFrom(seed), 200))
        expect(first.low).toBeGreaterThanOrEqual(Math.min(...values))
        expect(first.high).toBeLessThanOrEqual(Math.max(...values))
        expect(first.low).toBeLessThanOrEqual(first.high)
        expect(first.n).toBe(values.length)
      }),
    )
  })
})

describe('ratioOfMedians', () => {
  test('divides the extremes for fewer than three values', () => {
    const ratio = ratioOfMedians([10, 20], [2, 5, 4], randomFrom('x'))
    expect(ratio).toEqual({ median: 15 / 4, low: 2, high: 10, n: 2 })
  })

  test('is undefined where a ratio means nothing', () => {
    expect(ratioOfMedians([], [1], randomFrom('x'))).toBeUndefined()
    expect(ratioOfMedians([1], [], randomFrom('x'))).toBeUndefined()
    expect(ratioOfMedians([1, 2, 3], [0, 1, 2], randomFrom('x'))).toBeUndefined()
  })

  test('is the interval of the values over a constant baseline', () => {
    const values = [3, 1, 4, 1, 5, 9, 2, 6]
    // A constant baseline resamples to itself, so only the values spread.
    const ratio = ratioOfMedians(values, [2, 2, 2], randomFrom('x'), 40_000)
    const alone = summarise(values, randomFrom('y'), 40_000)
    expect(ratio?.median).toBe(alone.median / 2)
    expect(ratio?.low).toBeCloseTo(alone.low / 2, 1)
    expect(ratio?.high).toBeCloseTo(alone.high / 2, 1)
  })

  test('scales with the values and stays within the extremes', () => {
    fc.assert(
      fc.property(sample, sample, fc.constantFrom(0.25, 2, 8), (values, baseline, factor) => {
        const plain = ratioOfMedians(values, baseline, randomFrom('s'), 100)
        const scaled = ratioOfMedians(
          values.map((value) => value * factor),
          baseline,
          randomFrom('s'),
          100,
        )
        if (plain === undefined || scaled === undefined) throw new Error('a ratio was expected')
        // A power of two scales exactly in binary floating point.
        expect(scaled.median).toBe(plain.median * factor)
        expect(scaled.low).toBe(plain.low * factor)
        expect(plain.low).toBeGreaterThanOrEqual(Math.min(...values) / Math.max(...baseline))
        expect(plain.high).toBeLessThanOrEqual(Math.max(...values) / Math.min(...baseline))
      }),
    )
  })
})

describe('wilsonRate', () => {
  // Newcombe, Two-sided confidence intervals for the single proportion, Statistics in Medicine 17 (1998), table I,
  // method 3.
  test.each([
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ])('agrees with the published interval of %i of %i', (count, n, low, high) => {
    const rate = wilsonRate(count, n)
    expect(rate.rate).toBe(count / n)
    expect(rate.low).toBeCloseTo(low, 4)
    expect(rate.high).toBeCloseTo(high, 4)
  })

  test('ends solve the equation that defines them: |p - rate| = z √(p (1 - p) / n)', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 500 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (n, share) => {
          const count = Math.floor(share * n)
          const { rate, low, high } = wilsonRate(count, n)
          for (const end of [low, high]) {
            const spread = 1.959963984540054 * Math.sqrt((end * (1 - end)) / n)
            // At 0 and n the outer end is the boundary itself.
            if (end > 0 && end < 1) expect(Math.abs(end - rate)).toBeCloseTo(spread, 9)
          }
          expect(low).toBeGreaterThanOrEqual(0)
          expect(high).toBeLessThanOrEqual(1)
        },
      ),
    )
  })

  test('refuses what is no rate', () => {
    expect(() => wilsonRate(1, 0)).toThrow(RangeError)
    expect(() => wilsonRate(4, 3)).toThrow('no rate: 4 of 3')
  })
})

test('the range of n values holds the median 1 - 2^(1-n) of the time: 95 % from 6 on', () => {
  expect([1, 2, 3].map(rangeCoverage)).toEqual([0, 0.5, 0.75])
  expect(rangeCoverage(5)).toBeLessThan(0.95)
  expect(rangeCoverage(6)).toBeGreaterThan(0.95)
})

/** Exact share of bootstrap medians of `n` distinct values that are at most the k-th smallest. */
function exactShare(n: number, k: number): number {
  let share = 0
  for (let draws = (n + 1) / 2; draws <= n; draws++) {
    share += choose(n, draws) * (k / n) ** draws * (1 - k / n) ** (n - draws)
  }
  return share
}

function choose(n: number, k: number): number {
  let ways = 1
  for (let i = 1; i <= k; i++) ways = (ways * (n - k + i)) / i
  return ways
}
