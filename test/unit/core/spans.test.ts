import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  formatSpans,
  joinSpans,
  missingSpans,
  type Span,
  sizeOfSpans,
  spansOf,
} from '../../../src/core/spans.ts'

const numbers = fc.array(fc.nat(60), { maxLength: 60 })
const listed = (spans: readonly Span[]): number[] =>
  spans.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, index) => first + index))
const distinct = (all: readonly number[]): number[] => [...new Set(all)].sort((a, b) => a - b)

test('spans hold the numbers that they were made of, and are the fewest', () => {
  fc.assert(
    fc.property(numbers, (all) => {
      const spans = spansOf(all)
      expect(listed(spans)).toEqual(distinct(all))
      expect(sizeOfSpans(spans)).toBe(new Set(all).size)
      for (const [index, [first]] of spans.entries()) {
        if (index > 0) expect(first).toBeGreaterThan((spans[index - 1]?.[1] ?? 0) + 1)
      }
    }),
  )
})

test('joined, they hold what each of them held', () => {
  fc.assert(
    fc.property(numbers, numbers, (some, others) => {
      expect(joinSpans([...spansOf(some), ...spansOf(others)])).toEqual(spansOf([...some, ...others]))
    }),
  )
})

test('what is missing is what is in the one and not in the other', () => {
  fc.assert(
    fc.property(numbers, numbers, (wanted, there) => {
      const missing = missingSpans(spansOf(wanted), spansOf(there))
      expect(listed(missing)).toEqual(distinct(wanted).filter((number) => !there.includes(number)))
    }),
  )
})

test('they are told in words, and not all of many', () => {
  expect(formatSpans(spansOf([3, 7, 8, 9]))).toBe('3, 7 to 9')
  expect(formatSpans(spansOf([1, 3, 5, 7]), 2)).toBe('1, 3, …')
})
