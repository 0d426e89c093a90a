import type { Factors, ResolvedExperiment, ResolvedLink } from '../config/resolved.ts'
import { parseByteRate, parseRate, parseSize } from '../core/units.ts'
import { emulatedPatience } from '../hosts/patience.ts'
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
  /** At which the state is written over while the trial runs; absent: nobody writes. */
  readonly dirtyBytesPerSecond?: number
  /** Conditions of the networks; absent: as they are. */
  readonly link?: ResolvedLink
}

/**
 * Where the experiment says nothing. An emulated host runs at a twentieth of its machine's speed: 200 new connections a
 * second are more than a workload can answer there beside a migration, and once they queue it never catches up.
 */
const fitting = {
  native: { ratePerSecond: 200, deadlineMs: 120_000 },
  emulated: { ratePerSecond: 20, deadlineMs: 900_000 },
}

/** By which deadlines of single steps, and what a workload says of its own speed, are multiplied. */
export const patienceOf = (hosts: { readonly emulated: boolean }): number =>
  hosts.emulated ? emulatedPatience : 1

/** Axes beside `toolchain` and `workload`: `stateSize` (`64MiB`), `dirtyRate` (`1MiB/s`), `probeRate` (`200/s`), `mgmtRate` (`1Gbit`) … */
export function trialSettings(
  experiment: Pick<ResolvedExperiment, 'windows' | 'deadlineMs' | 'probe' | 'link'>,
  factors: Factors,
  hosts: { readonly emulated: boolean },
): TrialSettings {
  const { stateSize, dirtyRate, probeRate } = factors
  const dirtyBytesPerSecond = dirtyRate === undefined ? 0 : parseByteRate(String(dirtyRate))
  const link = linkOf(experiment, factors)
  const { deadlineMs } = experiment
  return {
    ...(hosts.emulated ? fitting.emulated : fitting.native),
    ...experiment.windows,
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    ...experiment.probe,
    ...(probeRate === undefined ? {} : { ratePerSecond: parseRate(String(probeRate)) }),
    ...(stateSize === undefined ? {} : { stateBytes: parseSize(String(stateSize)) }),
    ...(dirtyBytesPerSecond === 0 ? {} : { dirtyBytesPerSecond }),
    ...(link === undefined ? {} : { link }),
  }
}
