import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { pieces } from '../../../src/workloads/writer.ts'

describe('pieces of the state', () => {
  test('go from the first key to the last and round again', () => {
    const state = { sizeBytes: 250, valueBytes: 100 }
    expect(pieces(state, 0, 100)).toEqual([{ key: 'state:0', offset: 0, position: 0, length: 100 }])
    expect(pieces(state, 150, 160)).toEqual([
      { key: 'state:1', offset: 50, position: 150, length: 50 },
      { key: 'state:2', offset: 0, position: 200, length: 50 },
      { key: 'state:0', offset: 0, position: 0, length: 60 },
    ])
    expect(pieces(state, 40, 0)).toEqual([])
  })

  test('are as much as is due, and none goes beyond its value', () => {
    const amount = fc.integer({ min: 1, max: 5000 })
    fc.assert(
      fc.property(amount, amount, fc.nat(20_000), fc.nat(20_000), (sizeBytes, valueBytes, from, bytes) => {
        const found = pieces({ sizeBytes, valueBytes }, from, bytes)
        expect(found.reduce((sum, { length }) => sum + length, 0)).toBe(bytes)
        for (const { offset, position, length } of found) {
          expect(length).toBeGreaterThan(0)
          expect(offset + length).toBeLessThanOrEqual(valueBytes)
          expect(position + length).toBeLessThanOrEqual(sizeBytes)
        }
      }),
    )
  })
})
