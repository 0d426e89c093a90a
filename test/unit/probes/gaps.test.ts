import { describe, expect, test } from 'vitest'
import { findSilences, goodAnswers } from '../../../src/probes/gaps.ts'
import { ns, sample, steady } from './samples.ts'

const settings = { ratePerSecond: 200, timeoutMs: 5000 }
const marks = { baselineStart: 0n, migrateStart: ns(1000), migrateEnd: ns(2000), end: ns(4000) }
const silences = (samples: ReturnType<typeof steady>) =>
  findSilences(goodAnswers(samples, 'service'), marks, settings)

describe('goodAnswers', () => {
  test('takes the good ones of one stream in the order in which they came', () => {
    const samples = [
      sample({ k: 0, dueMs: 0, doneMs: 30 }),
      sample({ k: 1, dueMs: 5, doneMs: 10 }),
      sample({ k: 2, dueMs: 10, doneMs: 11, outcome: 'wrong' }),
      sample({ k: 3, dueMs: 15 }),
      sample({ k: 4, dueMs: 20, doneMs: 21, stream: 'connection' }),
    ]
    expect(goodAnswers(samples, 'service').map(({ k }) => k)).toEqual([1, 0])
  })
})

describe('findSilences', () => {
  test('a gap begins with the last good answer before the migration', () => {
    const found = silences(steady(5, 4000, (due) => (due > 980 && due < 1500 ? { outcome: 'refused' } : {})))
    expect(found.longest).toEqual({ from: ns(981), to: ns(1501) })
    expect(found.restored).toBe(true)
  })

  test('a gap that ended before the migration is not looked at', () => {
    const found = silences(steady(5, 4000, (due) => (due > 100 && due < 900 ? { outcome: 'reset' } : {})))
    expect(found.longest).toEqual({ from: ns(996), to: ns(1001) })
  })

  test('silence from the migration to the end is censored', () => {
    const found = silences(steady(5, 4000, (due) => (due > 1000 ? { outcome: 'timeout' } : {})))
    expect(found).toMatchObject({ restored: false, tailNs: ns(2999) })
  })

  test('a hiccup at the very end is no outage when a longer gap did end', () => {
    const hiccup = (due: number) => due > 3950
    const outage = (due: number) => due > 1000 && due < 1500
    const both = silences(
      steady(5, 4000, (due) => (hiccup(due) || outage(due) ? { outcome: 'timeout' } : {})),
    )
    expect(both).toMatchObject({ restored: true, longest: { from: ns(1001), to: ns(1501) } })
    const alone = silences(steady(5, 4000, (due) => (hiccup(due) ? { outcome: 'timeout' } : {})))
    expect(alone.restored).toBe(false)
  })

  test('no good answer at all is not restored', () => {
    expect(silences(steady(5, 4000, () => ({ outcome: 'refused' })))).toEqual({ gaps: [], restored: false })
  })
})
