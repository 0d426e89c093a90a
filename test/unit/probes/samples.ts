import type { Outcome, Sample, StreamName } from '../../../src/probes/sample.ts'

/** Milliseconds as nanoseconds, microseconds kept. */
export const ns = (ms: number): bigint => BigInt(Math.round(ms * 1000)) * 1000n

export interface SampleMs {
  readonly stream?: StreamName
  readonly k?: number
  readonly dueMs: number
  readonly sentMs?: number
  /** Absent: unanswered. */
  readonly doneMs?: number
  readonly outcome?: Outcome
  readonly identity?: string
  readonly sequence?: number
  readonly detail?: string
}

/** One sample with its times in milliseconds. */
export function sample(parts: SampleMs): Sample {
  const { stream = 'service', k = 0, dueMs, sentMs = dueMs, doneMs, outcome, ...rest } = parts
  return {
    stream,
    k,
    due: ns(dueMs),
    sent: ns(sentMs),
    ...(doneMs === undefined ? {} : { done: ns(doneMs) }),
    outcome: outcome ?? (doneMs === undefined ? 'unanswered' : 'ok'),
    ...rest,
  }
}

/** A probe each `everyMs` from 0 up to `untilMs`, answered as `answer` says, after 1 ms unless it does. */
export function steady(
  everyMs: number,
  untilMs: number,
  answer: (dueMs: number, k: number) => Partial<SampleMs> = () => ({}),
): Sample[] {
  const samples: Sample[] = []
  for (let k = 0; k * everyMs <= untilMs; k++) {
    const dueMs = k * everyMs
    samples.push(sample({ k, dueMs, doneMs: dueMs + 1, ...answer(dueMs, k) }))
  }
  return samples
}

/** Answers as a service does that is frozen from `fromMs` to `toMs`: everything waits until it goes on. */
export function frozen(fromMs: number, toMs: number): (dueMs: number) => Partial<SampleMs> {
  return (dueMs) => (dueMs + 1 >= fromMs && dueMs < toMs ? { doneMs: toMs + 1 } : {})
}
