import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { dueCount, dueTime, runSchedule, type Timers } from '../../../src/probes/schedule.ts'

/** Timers that only run when told to, each as late as `lateNs` says next. */
function fakeTimers(lateNs: readonly number[] = []) {
  let now = 1_000_000_007n
  let pending: { at: bigint; run: () => void } | undefined
  let fired = 0
  const timers: Timers = {
    monotonicNs: () => now,
    at(instant, run) {
      pending = { at: instant > now ? instant : now, run }
      return () => {
        pending = undefined
      }
    },
  }
  return {
    timers,
    now: () => now,
    pass: (ns: bigint) => {
      now += ns
    },
    /** Runs the timer that waits; false when there is none. */
    next(): boolean {
      if (pending === undefined) return false
      const { at, run } = pending
      pending = undefined
      now = at + BigInt(lateNs[fired++] ?? 0)
      run()
      return true
    },
  }
}

describe('runSchedule', () => {
  test('sends every probe once, in order, never early, however late the timers are', () => {
    const rates = fc.oneof(fc.integer({ min: 1, max: 2000 }), fc.double({ min: 0.5, max: 2000, noNaN: true }))
    const lates = fc.array(fc.integer({ min: 0, max: 300_000_000 }), { minLength: 1, maxLength: 50 })
    fc.assert(
      fc.property(rates, lates, (rate, lateNs) => {
        const fake = fakeTimers(lateNs)
        const start = fake.now()
        const sent: { k: number; due: bigint; at: bigint }[] = []
        const schedule = runSchedule(start, rate, fake.timers, (k, due) => {
          sent.push({ k, due, at: fake.now() })
          return true
        })
        for (let turn = 0; turn < lateNs.length; turn++) fake.next()
        fake.pass(5_000_000n)
        const end = fake.now()
        schedule.stop(end)
        expect(sent.map(({ k }) => k)).toEqual(sent.map((_, index) => index))
        expect(sent.length).toBe(dueCount(start, end, rate))
        for (const { k, due, at } of sent) {
          expect(due).toBe(dueTime(start, k, rate))
          expect(at).toBeGreaterThanOrEqual(due)
        }
        expect(fake.next()).toBe(false)
      }),
    )
  })

  test('sends all that became due at once after a stall', () => {
    const fake = fakeTimers([100_000_000])
    const sent: number[] = []
    runSchedule(fake.now(), 200, fake.timers, (k) => {
      sent.push(k)
      return true
    })
    expect(sent).toEqual([0])
    fake.next()
    expect(sent).toEqual(Array.from({ length: 22 }, (_, k) => k))
  })

  test('lets answers be read although sending takes longer than the interval', () => {
    const fake = fakeTimers()
    let sent = 0
    runSchedule(fake.now(), 1000, fake.timers, () => {
      sent++
      fake.pass(50_000_000n)
      return true
    })
    expect(sent).toBe(1)
    fake.next()
    expect(sent).toBeLessThan(60)
  })

  test('ends when a probe says so', () => {
    const fake = fakeTimers()
    const sent: number[] = []
    const schedule = runSchedule(fake.now(), 100, fake.timers, (k) => {
      sent.push(k)
      return k < 2
    })
    while (fake.next());
    fake.pass(1_000_000_000n)
    schedule.stop(fake.now())
    expect(sent).toEqual([0, 1, 2])
  })
})

describe('dueCount', () => {
  test('counts the due times up to the end, both ends included', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.1, max: 5000, noNaN: true }),
        fc.integer({ min: 0, max: 300 }),
        fc.integer({ min: -1, max: 1 }),
        (rate, k, offset) => {
          const start = 17n
          const end = dueTime(start, k, rate) + BigInt(offset)
          expect(dueCount(start, end, rate)).toBe(offset < 0 ? k : k + 1)
        },
      ),
    )
  })

  test('is 0 before the start', () => {
    expect(dueCount(10n, 9n, 200)).toBe(0)
  })
})
