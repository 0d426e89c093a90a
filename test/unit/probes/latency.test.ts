import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { goodAnswers } from '../../../src/probes/gaps.ts'
import { quantile, waitedMs } from '../../../src/probes/latency.ts'
import { sample } from './samples.ts'

describe('quantile', () => {
  test('lies on the line between the two values next to its position', () => {
    expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5)
    expect(quantile([5, 1, 3], 0.5)).toBe(3)
    expect(
      quantile(
        Array.from({ length: 200 }, (_, index) => index + 1),
        0.99,
      ),
    ).toBeCloseTo(198.01, 9)
  })

  test('lies within the values and does not depend on their order', () => {
    const values = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1 })
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (list, p) => {
        const found = quantile(list, p) ?? Number.NaN
        expect(found).toBeGreaterThanOrEqual(Math.min(...list))
        expect(found).toBeLessThanOrEqual(Math.max(...list))
        expect(quantile(list.toReversed(), p)).toBe(found)
      }),
    )
  })

  test('is absent for no values and where it is not finite', () => {
    expect(quantile([], 0.5)).toBeUndefined()
    expect(quantile([1, 2, Number.POSITIVE_INFINITY], 0.99)).toBeUndefined()
    expect(quantile([1, 2, Number.POSITIVE_INFINITY], 0.5)).toBe(2)
  })
})

describe('waitedMs', () => {
  const good = goodAnswers(
    [10, 20, 30].map((at) => sample({ dueMs: at - 1, doneMs: at })),
    'service',
  )

  test('counts from the due time, not from the sending', () => {
    expect(waitedMs(sample({ dueMs: 5, sentMs: 9, doneMs: 12 }), good)).toBe(7)
  })

  test('a failure counts up to the first good answer after it', () => {
    expect(waitedMs(sample({ dueMs: 5, doneMs: 8, outcome: 'refused' }), good)).toBe(5)
    expect(waitedMs(sample({ dueMs: 5, doneMs: 20, outcome: 'timeout' }), good)).toBe(25)
  })

  test('without a good answer there is no end', () => {
    expect(waitedMs(sample({ dueMs: 5, doneMs: 30, outcome: 'timeout' }), good)).toBe(
      Number.POSITIVE_INFINITY,
    )
    expect(waitedMs(sample({ dueMs: 5 }), good)).toBe(Number.POSITIVE_INFINITY)
  })
})
