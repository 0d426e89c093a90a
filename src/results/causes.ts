import type { TrialRecord, Verdict } from './record.ts'

/** Trials of a cell that ended the same way for the same reason. */
export interface CauseCount {
  readonly verdict: Verdict
  /** The step or phase that failed. */
  readonly step: string
  readonly message: string
  readonly hint?: string
  /** Of the first such trial. */
  readonly log?: string
  readonly count: number
  /** Ids of the trials, in the order of the plan. */
  readonly trials: readonly string[]
}

/** Why trials did not end `ok`; `trials` in the order of the plan, the answer in order of first occurrence. */
export function countCauses(trials: readonly TrialRecord[]): CauseCount[] {
  const counts = new Map<string, CauseCount>()
  for (const trial of trials) {
    if (trial.verdict === 'ok') continue
    const cause = causeOf(trial)
    const key = JSON.stringify([cause.verdict, cause.step, cause.message])
    const known = counts.get(key)
    counts.set(
      key,
      known === undefined
        ? cause
        : { ...known, count: known.count + 1, trials: [...known.trials, ...cause.trials] },
    )
  }
  return [...counts.values()]
}

function causeOf(trial: TrialRecord): CauseCount {
  const { verdict, cause, state } = trial
  const one = { verdict, count: 1, trials: [trial.id] }
  if (cause !== undefined) {
    const { step, message, hint, log } = cause
    return {
      ...one,
      step,
      message,
      ...(hint === undefined ? {} : { hint }),
      ...(log === undefined ? {} : { log }),
    }
  }
  // Of wrong state, the oracles' own sentences are the cause.
  if (state.findings.length > 0) return { ...one, step: 'verify', message: state.findings.join('; ') }
  return { ...one, step: 'unknown', message: 'no cause was recorded' }
}
