import type { Judgement } from './exchange.ts'
import type { Sample, StreamName } from './sample.ts'

/** Stamps a probe's end; only the first call counts. */
export type Settle = (judgement: Judgement) => void

export interface Recorder {
  /** Stamps that probe k is handed over now. */
  begin(stream: StreamName, k: number, due: bigint): Settle
  /** Every probe that was begun; those without an end are `unanswered`. Later ends no longer count. */
  finish(): Sample[]
}

/** Keeps every sample in memory, in the order of sending. */
export function createRecorder(monotonicNs: () => bigint): Recorder {
  const slots: { sample: Sample; settled: boolean }[] = []
  let finished = false
  return {
    begin(stream, k, due) {
      const slot: { sample: Sample; settled: boolean } = {
        sample: { stream, k, due, sent: monotonicNs(), outcome: 'unanswered' },
        settled: false,
      }
      slots.push(slot)
      return (judgement) => {
        if (slot.settled || finished) return
        slot.settled = true
        slot.sample = { ...slot.sample, done: monotonicNs(), ...judgement }
      }
    },
    finish() {
      finished = true
      return slots.map((slot) => slot.sample)
    },
  }
}
