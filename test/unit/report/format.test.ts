import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  formatBytesSummary,
  formatCountSummary,
  formatDurationSummary,
  formatExactMilliseconds,
  formatMilliseconds,
  formatRatioSummary,
  formatShare,
  withoutNoise,
} from '../../../src/report/format.ts'

const of = (median: number, low: number, high: number, n = 10) => ({ median, low, high, n })

test.each([
  [0, '0 ms'],
  [0.004, '0.00 ms'],
  [0.56, '0.56 ms'],
  [2.1349, '2.13 ms'],
  [48.25, '48.3 ms'],
  [412.4, '412 ms'],
  [999.4, '999 ms'],
  [999.7, '1.00 s'],
  [1234, '1.23 s'],
  [61_500, '61.5 s'],
  [3_600_000, '3600 s'],
])('%f ms is written %s', (value, text) => {
  expect(formatMilliseconds(value)).toBe(text)
})

test.each([
  [5, '5 ms'],
  [100, '100 ms'],
  [2.5, '2.5 ms'],
  [0.1, '0.1 ms'],
  [1000, '1 s'],
])('%f ms is exactly %s', (value, text) => {
  expect(formatExactMilliseconds(value)).toBe(text)
})

test('an interval is in the unit and with the decimals of its median', () => {
  expect(formatDurationSummary(of(1234, 998, 1400))).toEqual({ median: '1.23 s', interval: '[1.00, 1.40]' })
  expect(formatDurationSummary(of(950, 900, 1100))).toEqual({ median: '950 ms', interval: '[900, 1100]' })
  expect(formatBytesSummary(of(71_154_901, 71_153_684, 80e6))).toEqual({
    median: '67.9 MiB',
    interval: '[67.9, 76.3]',
  })
  expect(formatBytesSummary(of(512, 511, 513))).toEqual({ median: '512 B', interval: '[511, 513]' })
  expect(formatCountSummary(of(12.5, 0, 20))).toEqual({ median: '12.5', interval: '[0, 20]' })
  expect(formatRatioSummary(of(0.4213, 0.35, 0.51))).toEqual({ median: '0.42×', interval: '[0.35, 0.51]' })
  expect(formatRatioSummary(of(12.34, 9.8, 14))).toEqual({ median: '12.3×', interval: '[9.8, 14.0]' })
})

test('a single value has no interval', () => {
  expect(formatDurationSummary(of(5, 5, 5, 1))).toEqual({ median: '5.00 ms' })
})

test('shares are whole per cents, and noise is gone', () => {
  expect(formatShare(1 / 3)).toBe('33 %')
  expect(withoutNoise(734.0695000000001)).toBe(734.0695)
})

test('a written duration is within half a unit of its last digit', () => {
  fc.assert(
    fc.property(fc.double({ min: 0.01, max: 1e7, noNaN: true }), (value) => {
      const [number = '', unit] = formatMilliseconds(value).split(' ')
      const written = Number(number) * (unit === 's' ? 1000 : 1)
      // Three digits: half a per cent of the value; two decimals: 0.005 ms.
      expect(Math.abs(written - value)).toBeLessThanOrEqual(Math.max(0.005 * value, 0.005001))
    }),
  )
})
