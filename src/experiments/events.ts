import type { Factors } from '../config/resolved.ts'
import type { ProgressEvent } from '../core/progress.ts'
import type { TrialRecord, Verdict } from '../results/record.ts'

/** Where a run stands: `trial 7/12 · redis × docker-checkpoint · block 2 · ok 6 · ETA 01:10`. */
export interface TrialPosition {
  readonly id: string
  /** From 1, in the order of the plan. */
  readonly number: number
  readonly total: number
  readonly toolchain: string
  readonly workload: string
  readonly factors: Factors
  readonly block: number
  readonly blocks: number
  readonly attempt: number
  /** Trials that have ended, those of earlier sessions among them. */
  readonly counts: Readonly<Partial<Record<Verdict, number>>>
  /** Estimate of the time that the trials still to be done take. */
  readonly etaMs: number
}

/** What a run tells while it goes on; only the command line draws it. */
export type RunEvent =
  | ProgressEvent
  | {
      readonly kind: 'run-started'
      readonly folder: string
      readonly seed: number
      readonly total: number
      /** Trials that an earlier session finished. */
      readonly finished: number
    }
  | { readonly kind: 'trial-started'; readonly position: TrialPosition }
  /** `deploy`, `baseline`, `migrate` …: what the trial does now. */
  | { readonly kind: 'trial-step'; readonly step: string; readonly position: TrialPosition }
  | { readonly kind: 'trial-done'; readonly record: TrialRecord; readonly position: TrialPosition }
  | { readonly kind: 'reports-written'; readonly folder: string }

export type RunProgress = (event: RunEvent) => void
