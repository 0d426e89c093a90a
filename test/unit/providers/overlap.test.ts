import fc from 'fast-check'
import { expect, test } from 'vitest'
import { overlap } from '../../../src/providers/overlap.ts'

test.each([
  ['10.87.0.0/24', '10.87.0.0/24', true],
  ['10.0.0.0/8', '10.87.0.0/24', true],
  ['10.87.0.255', '10.87.0.0/24', true],
  ['10.87.1.0', '10.87.0.0/24', false],
  ['10.86.255.0/24', '10.87.0.0/24', false],
  ['0.0.0.0/0', '10.87.0.0/24', true],
  ['192.168.0.0/16', '10.87.0.0/24', false],
  ['255.255.255.255', '10.87.0.0/24', false],
  ['fe80::/64', '10.87.0.0/24', false],
  ['multicast', '10.87.0.0/24', false],
])('%s and %s share an address: %s', (one, other, expected) => {
  expect(overlap(one, other)).toBe(expected)
  expect(overlap(other, one)).toBe(expected)
})

test('networks overlap exactly when the shorter prefix holds the other one', () => {
  const bits = fc.integer({ min: 0, max: 32 })
  fc.assert(
    fc.property(fc.ipV4(), bits, fc.ipV4(), bits, (a, aBits, b, bBits) => {
      const shared = Math.min(aBits, bBits)
      const prefix = (address: string) =>
        address
          .split('.')
          .map((part) => Number(part).toString(2).padStart(8, '0'))
          .join('')
          .slice(0, shared)
      expect(overlap(`${a}/${aBits}`, `${b}/${bBits}`)).toBe(prefix(a) === prefix(b))
    }),
  )
})
