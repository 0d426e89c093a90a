import type { Factors, ResolvedExperiment, ResolvedLink } from '../config/resolved.ts'
import { parseRate, parseSize } from '../core/units.ts'
import { linkOf } from './link.ts'

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
  /** Conditions of the networks; absent: as they are. */
  readonly link?: ResolvedLink
}

/** Axes beside `toolchain` and `workload`: `stateSize` (`64MiB`), `probeRate` (`200/s`), `mgmtRate` (`1Gbit`) … */
export function trialSettings(
  experiment: Pick<ResolvedExperiment, 'windows' | 'deadlineMs' | 'probe' | 'link'>,
  factors: Factors,
): TrialSettings {
  const { stateSize, probeRate } = factors
  const link = linkOf(experiment, factors)
  return {
    ...experiment.windows,
    deadlineMs: experiment.deadlineMs,
    ...experiment.probe,
    ...(probeRate === undefined ? {} : { ratePerSecond: parseRate(String(probeRate)) }),
    ...(stateSize === undefined ? {} : { stateBytes: parseSize(String(stateSize)) }),
    ...(link === undefined ? {} : { link }),
  }
}
