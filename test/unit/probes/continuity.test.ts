import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { continuity, sequenceLoss } from '../../../src/probes/continuity.ts'
import { sample, steady } from './samples.ts'

const counter = { uniqueSequence: false }
const increments = { uniqueSequence: true }

describe('continuity', () => {
  test('one unbroken story', () => {
    const samples = steady(5, 1000, (dueMs, k) => ({
      identity: 'a',
      sequence: Math.floor(dueMs / 100) + k * 0,
    }))
    expect(continuity(samples, counter)).toEqual({
      answers: 201,
      restarts: 0,
      firstIdentity: 'a',
      lastIdentity: 'a',
      lastSequence: 10,
      rolledBack: 0,
      furthestBack: 0,
    })
  })

  test('another identity is a restart, and its lower numbers are not a roll-back', () => {
    const samples = steady(5, 1000, (due) =>
      due < 500 ? { identity: 'a', sequence: due } : { identity: 'b', sequence: due - 500 },
    )
    expect(continuity(samples, counter)).toMatchObject({
      restarts: 1,
      firstIdentity: 'a',
      lastIdentity: 'b',
      rolledBack: 0,
    })
  })

  test('the same identity with a lower number has been rolled back', () => {
    const samples = steady(5, 1000, (due) => ({ identity: 'a', sequence: due < 500 ? due : due - 20 }))
    // The last before was 495; 480, 485 and 490 were below it.
    expect(continuity(samples, counter)).toMatchObject({ rolledBack: 3, furthestBack: 15 })
  })

  test('answers that overtake each other are not a roll-back', () => {
    const gaps = fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 2, maxLength: 60 })
    fc.assert(
      fc.property(gaps, gaps, (before, after) => {
        // A server that answers probe k with the time at which it handled it, some time after it was sent and some
        // time before the answer arrives.
        const samples = before.map((wait, k) => {
          const handled = k * 5 + wait
          return sample({ k, dueMs: k * 5, doneMs: handled + (after[k] ?? 0), sequence: handled })
        })
        expect(continuity(samples, counter).rolledBack).toBe(0)
      }),
    )
  })

  test('every increment has a number of its own', () => {
    const samples = [1, 2, 3, 3, 4].map((sequence, k) =>
      sample({ k, dueMs: k * 5, doneMs: k * 5 + 1, sequence }),
    )
    expect(continuity(samples, increments)).toMatchObject({
      answers: 5,
      repeated: 1,
      acknowledged: [[1, 4]],
      rolledBack: 0,
    })
    expect(continuity(samples, counter)).not.toHaveProperty('repeated')
    expect(continuity(samples, counter)).not.toHaveProperty('acknowledged')
    expect(continuity(samples, increments)).not.toHaveProperty('restarts')
  })

  test('only good answers of the service stream count', () => {
    const samples = [
      sample({ dueMs: 0, doneMs: 1, sequence: 9, outcome: 'wrong' }),
      sample({ dueMs: 0, doneMs: 1, sequence: 8, stream: 'connection' }),
      sample({ dueMs: 5, doneMs: 6 }),
    ]
    expect(continuity(samples, counter)).toEqual({ answers: 1, rolledBack: 0, furthestBack: 0 })
  })
})

describe('sequenceLoss', () => {
  const acknowledged = (sequences: readonly number[]) =>
    sequences.map((sequence, k) => sample({ k, dueMs: k * 5, doneMs: k * 5 + 1, sequence }))

  test('nothing is lost when the final value holds all', () => {
    expect(sequenceLoss(acknowledged([3, 4, 5]), 7)).toEqual({
      acknowledged: 3,
      aboveFinal: 0,
      repeated: 0,
      lost: 0,
    })
  })

  test('what was acknowledged above the final value is lost', () => {
    expect(sequenceLoss(acknowledged([3, 4, 5]), 3)).toMatchObject({ aboveFinal: 2, lost: 2 })
  })

  test('is what a store loses that falls back and counts on', () => {
    fc.assert(
      fc.property(fc.nat(50), fc.nat(50), fc.nat(80), (before, back, after) => {
        const kept = Math.max(0, before - back)
        const first = Array.from({ length: before }, (_, index) => index + 1)
        const second = Array.from({ length: after }, (_, index) => kept + index + 1)
        const { lost } = sequenceLoss(acknowledged([...first, ...second]), kept + after)
        expect(lost).toBe(before - kept)
      }),
    )
  })
})
