import { expect, test } from 'vitest'
import { randomFrom } from '../../../src/results/random.ts'

test('gives the same numbers for the same text and others for another', () => {
  const draw = (text: string) => Array.from({ length: 5 }, randomFrom(text))
  expect(draw('seed 1')).toEqual(draw('seed 1'))
  expect(draw('seed 1')).not.toEqual(draw('seed 2'))
})

test('spreads evenly over [0, 1)', () => {
  const random = randomFrom('evenly')
  const bins = Array.from({ length: 10 }, () => 0)
  const draws = 100_000
  for (let i = 0; i < draws; i++) {
    const bin = Math.floor(random() * 10)
    bins[bin] = (bins[bin] ?? Number.NaN) + 1
  }
  const chiSquare = bins.reduce((sum, count) => sum + (count - draws / 10) ** 2 / (draws / 10), 0)
  // The 0.999 quantile for 9 degrees of freedom.
  expect(chiSquare).toBeLessThan(27.88)
})
