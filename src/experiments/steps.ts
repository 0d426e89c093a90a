import { type Clock, millisecondsBetween } from '../core/time.ts'
import { untilAborted } from './deadline.ts'

/** What the runner does in a trial, in this order. */
const trialSteps = [
  'deploy',
  'ready',
  'fill',
  'link',
  'write',
  'probe',
  'warm-up',
  'baseline',
  'evidence',
  'migrate',
  'answer',
  'settle',
  'record',
  'unlink',
  'verify',
  'figures',
] as const
export type TrialStep = (typeof trialSteps)[number]

export interface StepTimes {
  readonly name: TrialStep
  /** From the beginning of the trial's first step. */
  readonly startMs: number
  readonly endMs: number
}

/** Runs the steps of a trial one after the other and remembers which one it is at. */
export interface Steps {
  /** None is waited for much longer than until the signal is aborted. */
  run<Result>(name: TrialStep, run: () => Promise<Result>): Promise<Result>
  readonly current: TrialStep
  readonly times: readonly StepTimes[]
}

export function createSteps(clock: Clock, signal: AbortSignal, onStep: (step: TrialStep) => void): Steps {
  const began = clock.monotonicNs()
  const sinceBegan = () => millisecondsBetween(began, clock.monotonicNs())
  const times: StepTimes[] = []
  let current: TrialStep = 'deploy'
  return {
    times,
    get current() {
      return current
    },
    async run(name, run) {
      current = name
      onStep(name)
      const startMs = sinceBegan()
      try {
        return await untilAborted(clock, signal, run)
      } finally {
        times.push({ name, startMs, endMs: sinceBegan() })
      }
    },
  }
}
