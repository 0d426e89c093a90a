/** Passed in, so that tests can hold time still. */
export interface Timers {
  monotonicNs(): bigint
  /** Runs `run` once, not before the clock shows `instant`; returns how to call it off. */
  at(instant: bigint, run: () => void): () => void
}

/** When probe k of a stream is due: start + k/rate, reckoned from the start so that rounding never adds up. */
export function dueTime(start: bigint, k: number, ratePerSecond: number): bigint {
  return start + BigInt(Math.round((k * 1e9) / ratePerSecond))
}

/** How many probes are due from `start` to `end`, both included. */
export function dueCount(start: bigint, end: bigint, ratePerSecond: number): number {
  if (end < start) return 0
  let count = Math.floor((Number(end - start) * ratePerSecond) / 1e9)
  while (dueTime(start, count, ratePerSecond) <= end) count++
  while (count > 0 && dueTime(start, count - 1, ratePerSecond) > end) count--
  return count
}

export interface Schedule {
  /** Fires what is due up to `end`, then no more. */
  stop(end: bigint): void
}

/**
 * The open loop: calls `fire(k, due)` for k = 0, 1, 2 … when it is due, whatever became of those before; after falling
 * behind it fires all that are due at once. `fire` must not wait. It returns false to end the stream.
 */
export function runSchedule(
  start: bigint,
  ratePerSecond: number,
  timers: Timers,
  fire: (k: number, due: bigint) => boolean,
): Schedule {
  let k = 0
  let stopped = false
  let cancel = (): void => {}
  // `until` is read once: were it read again after each probe, a rate that this machine cannot send would never let
  // the answers be read.
  const fireDue = (until: bigint): void => {
    for (let due = dueTime(start, k, ratePerSecond); !stopped && due <= until; ) {
      if (!fire(k, due)) stopped = true
      k++
      due = dueTime(start, k, ratePerSecond)
    }
  }
  const tick = (): void => {
    fireDue(timers.monotonicNs())
    if (stopped) return
    cancel = timers.at(dueTime(start, k, ratePerSecond), tick)
  }
  tick()
  return {
    stop(end) {
      cancel()
      fireDue(end)
      stopped = true
    },
  }
}
