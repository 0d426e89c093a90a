import { expect, test } from 'vitest'
import { hasSubordinateIds } from '../../../src/providers/images/requirements.ts'

test.each([
  ['ada:100000:65536\n', true],
  ['1000:100000:65536', true],
  ['ada:100000:1000', false],
  ['adam:100000:65536\neve:165536:65536', false],
  ['', false],
])('%j gives ada ids of her own: %s', (text, expected) => {
  expect(hasSubordinateIds(text, 'ada', 1000)).toBe(expected)
})
