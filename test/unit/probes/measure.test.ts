import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { measureService } from '../../../src/probes/measure.ts'
import { frozen, ns, sample, steady } from './samples.ts'

const settings = { ratePerSecond: 200, timeoutMs: 5000 }
const marks = { baselineStart: ns(500), migrateStart: ns(1000), migrateEnd: ns(3000), end: ns(5000) }

describe('measureService', () => {
  test('the downtime is at least the freeze and at most 1/rate more', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1001, max: 2000, noNaN: true }),
        fc.double({ min: 6, max: 1500, noNaN: true }),
        (from, length) => {
          const to = from + length
          const { metrics, restored } = measureService(steady(5, 5000, frozen(from, to)), marks, settings)
          expect(restored).toBe(true)
          const downtime = metrics.serviceDowntimeMs ?? Number.NaN
          expect(downtime).toBeGreaterThanOrEqual(length - 0.01)
          expect(downtime).toBeLessThanOrEqual(length + 5 + 1 + 0.01)
          expect(metrics.failedRequests).toBe(0)
        },
      ),
    )
  })

  test('counts what failed, and what it was worth', () => {
    const samples = steady(5, 5000, (due) => {
      if (due < 1000 || due >= 1500) return {}
      return { outcome: due < 1250 ? 'refused' : 'timeout', doneMs: due + 2 }
    })
    const { metrics } = measureService(samples, marks, settings)
    expect(metrics).toMatchObject({
      failedRequests: 100,
      lostRequestSeconds: 0.5,
      resolutionMs: 5,
      serviceDowntimeMs: 505,
      unavailableMs: 505,
      p50BaselineMs: 1,
      p99BaselineMs: 1,
    })
  })

  test('unavailable is the sum of all outages, each whole', () => {
    const off = (due: number) => (due > 1100 && due < 1200) || (due > 1400 && due < 1700)
    const { metrics } = measureService(
      steady(5, 5000, (due) => (off(due) ? { outcome: 'reset' } : {})),
      marks,
      settings,
    )
    expect(metrics.serviceDowntimeMs).toBe(300)
    expect(metrics.unavailableMs).toBe(400)
  })

  test('two missing answers in a row are no outage', () => {
    const { metrics } = measureService(
      steady(5, 5000, (due) => (due === 1500 || due === 1505 ? { outcome: 'reset' } : {})),
      marks,
      settings,
    )
    expect(metrics).toMatchObject({ serviceDowntimeMs: 15, unavailableMs: 0, failedRequests: 2 })
  })

  test('a service that does not come back has no downtime, only a silence', () => {
    const measured = measureService(
      steady(5, 5000, (due) => (due > 1100 ? { outcome: 'refused' } : {})),
      marks,
      settings,
    )
    expect(measured.restored).toBe(false)
    expect(measured.silentAtEndMs).toBe(3899)
    expect(Object.keys(measured.metrics).sort()).toEqual([
      'failedRequests',
      'lostRequestSeconds',
      'p50BaselineMs',
      'p99BaselineMs',
      'resolutionMs',
    ])
    expect(measured.outage).toBeUndefined()
  })

  test('a service that never answered before the migration has no downtime either', () => {
    const measured = measureService(
      steady(5, 5000, (due) => (due < 1500 ? { outcome: 'refused' } : {})),
      marks,
      settings,
    )
    expect(measured.metrics.serviceDowntimeMs).toBeUndefined()
  })

  test('a probe without time to be answered is undecided, one that had its time has failed', () => {
    const samples = [...steady(5, 4990), sample({ dueMs: 3900 }), sample({ dueMs: 4500 })]
    const measured = measureService(samples, marks, settings)
    expect(measured.undecidedRequests).toBe(1)
    expect(measured.metrics.failedRequests).toBe(1)
  })

  test('p99 during counts a failed probe up to the next good answer', () => {
    const samples = steady(5, 5000, (due) =>
      due > 1000 && due < 2000 ? { outcome: 'refused', doneMs: due + 1 } : {},
    )
    const { metrics } = measureService(samples, marks, settings)
    // 401 probes were due from 1000 to 3000 ms: the fifth longest wait, which began at 1025 ms.
    expect(metrics.p99DuringMs).toBeCloseTo(2001 - 1025, 5)
  })

  test('the outage carries how late the generator was at its edges', () => {
    const samples = steady(5, 5000, (due) => {
      if (due === 2000) return { sentMs: 2009, doneMs: 2010 }
      return frozen(1500, 2005)(due)
    })
    expect(measureService(samples, marks, settings).outage).toEqual({
      from: ns(1496),
      to: ns(2006),
      downtimeMs: 510,
      edgeLateMs: 9,
    })
  })
})
