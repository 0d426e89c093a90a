import { expect, test } from 'vitest'
import { connectionFate } from '../../../src/probes/socket.ts'
import { frozen, ns, type SampleMs, steady } from './samples.ts'

const settings = { ratePerSecond: 50, timeoutMs: 5000 }
const marks = { baselineStart: 0n, migrateStart: ns(1000), migrateEnd: ns(2500), end: ns(5000) }
const fate = (answer: (dueMs: number) => Partial<SampleMs>, untilMs = 5000) =>
  connectionFate(
    steady(20, untilMs, (dueMs) => ({ stream: 'connection', ...answer(dueMs) })),
    marks,
    settings,
  )

test('answers on the same socket after the migration: survived', () => {
  expect(fate(frozen(1200, 2200))).toEqual({ verdict: 'survived', connectionDowntimeMs: 2201 - 1181 })
})

test('a broken socket is reset, however well it went before', () => {
  const broken = (due: number): Partial<SampleMs> =>
    due === 1400 ? { outcome: 'reset', detail: 'ECONNRESET' } : {}
  expect(fate(broken, 1400)).toEqual({ verdict: 'reset', detail: 'ECONNRESET' })
})

const silence = (from: number, to: number) => (due: number) => {
  if (due < from || due >= to) return {}
  return { outcome: 'unanswered' } as const
}

test('silence without an end is stalled', () => {
  expect(fate(silence(1200, 9999))).toEqual({ verdict: 'stalled' })
})

test('a socket that answers once more and then never is stalled', () => {
  const answers = (due: number) => (due === 2600 ? {} : silence(1200, 9999)(due))
  expect(fate(answers)).toEqual({ verdict: 'stalled' })
})

test('nothing is said about a socket that did not work when the migration began', () => {
  expect(fate(() => ({ outcome: 'refused' }), 0)).toEqual({ verdict: 'not-observed' })
  expect(fate((due) => (due === 600 ? { outcome: 'reset' } : {}), 600)).toEqual({ verdict: 'not-observed' })
  expect(fate(silence(0, 1500))).toEqual({ verdict: 'not-observed' })
})
