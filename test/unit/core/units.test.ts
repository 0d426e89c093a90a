import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TestbedError } from '../../../src/core/errors.ts'
import {
  formatDuration,
  formatLinkRate,
  formatRate,
  formatSize,
  humanDuration,
  humanSize,
  parseDuration,
  parseLinkRate,
  parseRate,
  parseSize,
} from '../../../src/core/units.ts'

const safe = fc.nat({ max: Number.MAX_SAFE_INTEGER })

function errorOf(run: () => unknown): TestbedError {
  try {
    run()
  } catch (error) {
    if (error instanceof TestbedError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('parsing', () => {
  test.each([
    ['500ms', 500],
    ['90s', 90_000],
    ['2m', 120_000],
    ['1h', 3_600_000],
    ['1.5s', 1500],
    ['0.25ms', 0.25],
    ['0s', 0],
  ])('duration %s', (text, ms) => {
    expect(parseDuration(text)).toBe(ms)
  })

  test.each([
    ['7B', 7],
    ['64KiB', 65_536],
    ['64MiB', 67_108_864],
    ['2GiB', 2_147_483_648],
    ['10kB', 10_000],
    ['1.1MB', 1_100_000],
    ['3GB', 3_000_000_000],
    ['1.5KiB', 1536],
  ])('size %s', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes)
  })

  test('rates', () => {
    expect(parseRate('200/s')).toBe(200)
    expect(parseRate('0.5/s')).toBe(0.5)
    expect(parseLinkRate('1Gbit')).toBe(1_000_000_000)
    expect(parseLinkRate('100Mbit')).toBe(100_000_000)
    expect(parseLinkRate('64kbit')).toBe(64_000)
  })

  test('a number without a unit is refused with the units allowed', () => {
    const error = errorOf(() => parseDuration('120'))
    expect(error.kind).toBe('configuration')
    expect(error.message).toBe('120 has no unit')
    expect(error.parts.hint).toBe('write a duration as a number and a unit, such as 90s (units: ms, s, m, h)')
    expect(errorOf(() => parseSize('64')).parts.hint).toContain('(units: B, kB, KiB, MB, MiB, GB, GiB)')
    expect(errorOf(() => parseRate('200')).parts.hint).toContain('200/s')
    expect(errorOf(() => parseLinkRate('1')).parts.hint).toContain('(units: bit, kbit, Mbit, Gbit)')
  })

  test.each([
    ['90sec', '"90sec" has the unknown unit "sec"'],
    ['90 s', '"90 s" has the unknown unit " s"'],
    ['5toString', '"5toString" has the unknown unit "toString"'],
    ['soon', '"soon" is not a duration'],
    ['-1s', '"-1s" is not a duration'],
    ['', '"" is not a duration'],
    ['1e3s', '"1e3s" is not a duration'],
    ['1m30s', '"1m30s" is not a duration'],
    ['0.0001ms', '"0.0001ms" is finer than a duration can be'],
    ['999999999999h', '"999999999999h" is too large'],
  ])('refuses %j', (text, message) => {
    expect(errorOf(() => parseDuration(text)).message).toBe(message)
  })

  test('a part of a byte is refused', () => {
    expect(errorOf(() => parseSize('0.1KiB')).message).toBe('"0.1KiB" is finer than a size can be')
  })

  test('text of any kind gives an amount or a configuration error, nothing else', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          expect(parseSize(text)).toBeGreaterThanOrEqual(0)
        } catch (error) {
          expect(error).toBeInstanceOf(TestbedError)
        }
      }),
    )
  })
})

describe('formatting is the inverse', () => {
  test('sizes and link rates, exactly', () => {
    fc.assert(
      fc.property(safe, (amount) => {
        expect(parseSize(formatSize(amount))).toBe(amount)
        expect(parseLinkRate(formatLinkRate(amount))).toBe(amount)
      }),
    )
  })

  test('durations and rates, to a thousandth', () => {
    fc.assert(
      fc.property(fc.nat({ max: 1e12 }), (thousandths) => {
        expect(parseDuration(formatDuration(thousandths / 1000))).toBe(thousandths / 1000)
        expect(parseRate(formatRate(thousandths / 1000))).toBe(thousandths / 1000)
      }),
    )
  })

  test('takes the largest unit that is exact', () => {
    expect(formatDuration(0)).toBe('0ms')
    expect(formatDuration(1500)).toBe('1500ms')
    expect(formatDuration(90_000)).toBe('90s')
    expect(formatDuration(7_200_000)).toBe('2h')
    expect(formatDuration(0.25)).toBe('0.25ms')
    expect(formatSize(67_108_864)).toBe('64MiB')
    expect(formatSize(67_108_865)).toBe('67108865B')
    expect(formatRate(200)).toBe('200/s')
    expect(formatLinkRate(1_000_000_000)).toBe('1Gbit')
  })
})

describe('for people', () => {
  test.each([
    [0, '0 ms'],
    [0.4149, '0.415 ms'],
    [41, '41 ms'],
    [41.26, '41.3 ms'],
    [999.4, '999 ms'],
    [999.6, '1 s'],
    [1234, '1.23 s'],
    [59_949, '59.9 s'],
    [59_990, '1 min'],
    [95_300, '1 min 35 s'],
    [3_599_600, '1 h'],
    [7_500_000, '2 h 5 min'],
    [-41, '-41 ms'],
  ])('%d ms', (ms, text) => {
    expect(humanDuration(ms)).toBe(text)
  })

  test.each([
    [0, '0 B'],
    [512, '512 B'],
    [1024, '1 KiB'],
    [1023 * 1024, '1023 KiB'],
    [1024 * 1024 - 1, '1 MiB'],
    [68_400_000, '65.2 MiB'],
    [2 ** 31, '2 GiB'],
    [-512, '-512 B'],
  ])('%d bytes', (bytes, text) => {
    expect(humanSize(bytes)).toBe(text)
  })
})
