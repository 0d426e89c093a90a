import { setTimeout as delay } from 'node:timers/promises'

/** Passed in wherever time is read, so that tests can hold it still. */
export interface Clock {
  /** Monotonic nanoseconds (CLOCK_MONOTONIC: the same for every process of this machine). */
  monotonicNs(): bigint
  /** Wall-clock time, for names and stamps that people read; never for measuring. */
  now(): Date
  /** Resolves after `ms`; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  monotonicNs: () => process.hrtime.bigint(),
  now: () => new Date(),
  sleep: async (ms, signal) => {
    await delay(ms, undefined, signal === undefined ? {} : { signal }).catch((error: unknown) => {
      throw signal?.aborted === true ? signal.reason : error
    })
  },
}

/** Milliseconds from `start` to `end` on the monotonic clock, with microseconds kept. */
export function millisecondsBetween(start: bigint, end: bigint): number {
  return Number((end - start) / 1000n) / 1000
}
