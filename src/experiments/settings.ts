import type { Factors, ResolvedExperiment } from '../config/resolved.ts'
import { parseRate, parseSize } from '../core/units.ts'

/** How one trial is run: the experiment's own settings with the cell's factors in their place. */
export interface TrialSettings {
  readonly warmUpMs: number
  readonly baselineMs: number
  readonly settleMs: number
  /** From the start of the workload to the last oracle's answer. */
  readonly deadlineMs: number
  readonly ratePerSecond: number
  readonly timeoutMs: number
  /** State to fill the workload with; absent: what its own file says. */
  readonly stateBytes?: number
}

/** Axes beside `toolchain` and `workload`: `stateSize` (`64MiB`) and `probeRate` (`200/s`). */
export function trialSettings(
  experiment: Pick<ResolvedExperiment, 'windows' | 'deadlineMs' | 'probe'>,
  factors: Factors,
): TrialSettings {
  const { stateSize, probeRate } = factors
  return {
    ...experiment.windows,
    deadlineMs: experiment.deadlineMs,
    ...experiment.probe,
    ...(probeRate === undefined ? {} : { ratePerSecond: parseRate(String(probeRate)) }),
    ...(stateSize === undefined ? {} : { stateBytes: parseSize(String(stateSize)) }),
  }
}
