import { TestbedError } from '../core/errors.ts'
import type { Clock } from '../core/time.ts'

/** How long something that was told to stop may take to do so before it is left behind. */
const graceMs = 10_000

export interface Deadline {
  /** Aborted when the time is over or the outer signal is. */
  readonly signal: AbortSignal
  /** Whether it was the time. */
  readonly expired: boolean
  clear(): void
}

/** The time runs until `clear`. */
export function startDeadline(
  clock: Clock,
  options: { readonly what: string; readonly ms: number; readonly signal?: AbortSignal },
): Deadline {
  const expiry = new AbortController()
  const timer = new AbortController()
  const error = new TestbedError('testbed', `${options.what}: not done within ${options.ms / 1000} s`)
  clock.sleep(options.ms, timer.signal).then(
    () => expiry.abort(error),
    () => undefined,
  )
  const signals = options.signal === undefined ? [] : [options.signal]
  return {
    signal: AbortSignal.any([...signals, expiry.signal]),
    get expired() {
      return expiry.signal.aborted && options.signal?.aborted !== true
    },
    clear: () => timer.abort(),
  }
}

/**
 * Runs what may hang. Once `signal` is aborted it may finish within a grace period; after that it is left behind.
 * @throws the signal's reason when it is left behind, else whatever `run` throws.
 */
export async function untilAborted<Result>(
  clock: Clock,
  signal: AbortSignal,
  run: () => Promise<Result>,
): Promise<Result> {
  signal.throwIfAborted()
  const done = new AbortController()
  const leftBehind = (async () => {
    await aborted(signal, done.signal)
    await clock.sleep(graceMs, done.signal)
    throw signal.reason
  })()
  try {
    return await Promise.race([run(), leftBehind])
  } finally {
    done.abort()
    leftBehind.catch(() => undefined)
  }
}

/** Runs what may hang under a deadline of its own. @throws TestbedError (testbed) when the time is over. */
export async function withDeadline<Result>(
  clock: Clock,
  options: { readonly what: string; readonly ms: number; readonly signal?: AbortSignal },
  run: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const deadline = startDeadline(clock, options)
  try {
    return await untilAborted(clock, deadline.signal, () => run(deadline.signal))
  } catch (error) {
    // What was told to stop may answer with words of its own; the reason is what matters.
    throw deadline.signal.aborted ? deadline.signal.reason : error
  } finally {
    deadline.clear()
  }
}

/** Resolves when `signal` is aborted; rejects when `end` is first. */
function aborted(signal: AbortSignal, end: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => resolve(), { once: true, signal: end })
    end.addEventListener('abort', () => reject(end.reason), { once: true })
  })
}
