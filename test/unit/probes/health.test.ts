import { describe, expect, test } from 'vitest'
import {
  edgeLateMs,
  type GeneratorFigures,
  generatorFault,
  generatorHealth,
  stalledMs,
} from '../../../src/probes/health.ts'
import { ns, sample, steady } from './samples.ts'

const recording = { start: 0n, end: ns(1000), ratePerSecond: 200 }
const healthy: GeneratorFigures = {
  due: 4000,
  sent: 4000,
  lateP50Ms: 0.8,
  lateP99Ms: 2,
  lateMaxMs: 30,
  stallMaxMs: 0,
}

describe('generatorHealth', () => {
  test('tells how late the probes of the service stream were sent', () => {
    const samples = steady(5, 1000, (dueMs, k) => ({ sentMs: dueMs + (k < 3 ? 20 : 1), doneMs: dueMs + 21 }))
    const other = sample({ stream: 'connection', dueMs: 0, sentMs: 500, doneMs: 501 })
    expect(generatorHealth([...samples, other], [{ from: ns(10), to: ns(14) }], recording)).toEqual({
      due: 201,
      sent: 201,
      lateP50Ms: 1,
      lateP99Ms: 20,
      lateMaxMs: 20,
      stallMaxMs: 4,
    })
  })

  test('a probe that is missing, or that our own side had no socket for, was not sent', () => {
    const samples = steady(5, 990, (due) => (due === 500 ? { outcome: 'error', detail: 'EMFILE' } : {}))
    expect(generatorHealth(samples, [], recording)).toMatchObject({ due: 201, sent: 198 })
  })
})

describe('edgeLateMs', () => {
  const gap = { from: ns(1001), to: ns(2003) }
  const late = (lateDue: number) =>
    steady(5, 3000, (due) => (due === lateDue ? { sentMs: due + 9, doneMs: due + 10 } : {}))

  test.each([
    ['the first probe after the beginning', 1005, 9],
    ['a probe sent as the gap ends', 1995, 9],
    ['a probe in the middle', 1500, 0],
    ['a probe sent as the gap begins', 990, 9],
    ['a probe before', 900, 0],
    ['a probe long after', 2500, 0],
  ])('%s', (_which, due, expected) => {
    expect(edgeLateMs(late(due), gap)).toBe(expected)
  })
})

/** A downtime that began 5 s after the clock's start. */
function outage(downtimeMs: number, edgeLateMs: number) {
  return { from: ns(5000), to: ns(5000 + downtimeMs), downtimeMs, edgeLateMs }
}

describe('stalledMs', () => {
  const stalls = [
    { from: ns(10), to: ns(12) },
    { from: ns(90), to: ns(105) },
  ]

  test.each([
    [0, 100, 10],
    [11, 20, 1],
    [12, 90, 0],
    [95, 100, 5],
    [0, 200, 15],
  ])('from %d to %d ms', (from, to, expected) => {
    expect(stalledMs(stalls, ns(from), ns(to))).toBe(expected)
  })
})

describe('generatorFault', () => {
  test('a single stall elsewhere is no fault', () => {
    expect(generatorFault(healthy, 200)).toBeUndefined()
    expect(generatorFault(healthy, 200, outage(50, 3))).toBeUndefined()
    expect(generatorFault(healthy, 200, outage(1000, 50))).toBeUndefined()
  })

  test.each([
    [{ sent: 3999 }, 200, 'only 3999 of 4000'],
    [{ due: 0, sent: 0 }, 200, 'no probe was due'],
    [{ lateP50Ms: 3.1 }, 200, 'half of the probes were sent more than 3.1 ms late'],
    [{ lateP99Ms: 51 }, 200, '1 % of the probes'],
  ])('%j at %d/s', (change, rate, message) => {
    expect(generatorFault({ ...healthy, ...change }, rate)).toContain(message)
  })

  test('a slow rate forgives what its interval does not show', () => {
    expect(generatorFault({ ...healthy, lateP99Ms: 90 }, 10)).toBeUndefined()
    expect(generatorFault(healthy, 10, outage(300, 40))).toBeUndefined()
  })

  test('lateness at the edges must be small beside the downtime', () => {
    expect(generatorFault(healthy, 200, outage(50, 3.5))).toContain('downtime of 50.0 ms')
    expect(generatorFault(healthy, 200, outage(1000, 51))).toContain('up to 51.0 ms late')
  })

  test('a machine that stands still at an edge is a fault, elsewhere it is none', () => {
    const at = (fromMs: number, toMs: number) =>
      generatorFault(healthy, 200, outage(50, 0), [{ from: ns(fromMs), to: ns(toMs) }])
    expect(at(5000, 5004)).toBe(
      'this machine stood still for 4.0 ms where the downtime of 50.0 ms began or ended',
    )
    expect(at(5046, 5060)).toContain('this machine stood still for 4.0 ms')
    expect(at(5010, 5040)).toBeUndefined()
    expect(at(5002, 5004)).toBeUndefined()
  })
})
