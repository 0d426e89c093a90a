import type { Clock } from '../../../src/core/time.ts'

/** Sleeps of at least this long are deadlines: they pass only when a test says so. */
const deadlineMs = 10_000

export interface FakeClock extends Clock {
  /** Ends every deadline that is running. */
  expire(): void
}

/** Windows pass at once and move the time; nothing waits for real. */
export function createFakeClock(onSleep: (ms: number) => void = () => undefined): FakeClock {
  let elapsedNs = 0n
  const pending = new Set<() => void>()
  const pass = (ms: number): void => {
    elapsedNs += BigInt(Math.round(ms * 1e6))
  }
  return {
    // Every look at the clock takes a millisecond: what comes later has a later stamp.
    monotonicNs: () => {
      pass(1)
      return elapsedNs
    },
    now: () => new Date(Date.UTC(2026, 10, 22, 1, 4, 9) + Number(elapsedNs / 1_000_000n)),
    sleep: async (ms, signal) => {
      signal?.throwIfAborted()
      if (ms < deadlineMs) {
        onSleep(ms)
        pass(ms)
        // As a real timer, it gives way to whatever else is due.
        await new Promise(setImmediate)
        signal?.throwIfAborted()
        return
      }
      await new Promise<void>((resolve, reject) => {
        const end = (): void => {
          pending.delete(end)
          pass(ms)
          resolve()
        }
        pending.add(end)
        signal?.addEventListener('abort', () => {
          pending.delete(end)
          reject(signal.reason)
        })
      })
    },
    expire: () => {
      for (const end of [...pending]) end()
    },
  }
}
