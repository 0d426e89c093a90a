import { messageOf, TestbedError } from './errors.ts'
import type { Clock } from './time.ts'

export interface PollOptions {
  readonly what: string
  readonly timeoutMs: number
  readonly intervalMs?: number
  readonly clock: Clock
  readonly signal?: AbortSignal
  readonly hint?: string
  readonly where?: string
}

/**
 * Tries until `attempt` answers something other than undefined.
 * @throws TestbedError with the last error when the deadline passes; the signal's reason when aborted.
 */
export async function poll<Result>(
  attempt: () => Promise<Result | undefined>,
  options: PollOptions,
): Promise<Result> {
  const end = options.clock.monotonicNs() + BigInt(options.timeoutMs) * 1_000_000n
  let last: unknown
  for (;;) {
    options.signal?.throwIfAborted()
    try {
      const result = await attempt()
      if (result !== undefined) return result
    } catch (error) {
      options.signal?.throwIfAborted()
      last = error
    }
    if (options.clock.monotonicNs() >= end) break
    await options.clock.sleep(options.intervalMs ?? 50, options.signal)
  }
  throw new TestbedError('testbed', `${options.what}: not within ${options.timeoutMs / 1000} s`, {
    ...(options.where === undefined ? {} : { where: options.where }),
    ...(last === undefined
      ? {}
      : {
          why: [messageOf(last), ...(last instanceof TestbedError ? (last.parts.why ?? []) : [])],
          cause: last,
        }),
    ...(options.hint === undefined ? {} : { hint: options.hint }),
  })
}
