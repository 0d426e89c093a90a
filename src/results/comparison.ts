import { type Cell, summariseCell } from './cell.ts'
import { conditionsKey, groupByCell } from './cells.ts'
import { finalRecords } from './journal.ts'
import type { TrialRecord } from './record.ts'
import type { RunEnvironment, RunPlan } from './run-folder.ts'

export interface RunInfo {
  readonly id: string
  readonly experiment: string
  readonly planHash: string
  /** Of the order of trials; the resampling is seeded with it too. */
  readonly seed: number
  /** The toolchain that the others are compared to: the experiment's first. */
  readonly baseline?: string
  readonly plannedTrials: number
  readonly finishedTrials: number
}

/** The content of `report.json`; `schemas/report.schema.json` describes it. */
export interface Comparison {
  readonly version: 1
  readonly run: RunInfo
  readonly environment: RunEnvironment
  readonly cells: readonly Cell[]
  /** The last attempt of each planned trial, in the order of the plan. */
  readonly trials: readonly TrialRecord[]
}

/**
 * Compares the cells of a run. `records` holds every attempt. Pure and deterministic: the same run gives the same
 * comparison, to the last digit.
 */
export function compareTrials(run: {
  readonly id: string
  readonly plan: RunPlan
  readonly environment: RunEnvironment
  readonly records: readonly TrialRecord[]
}): Comparison {
  const { plan, environment } = run
  const { axes } = plan.experiment
  const trials = finalRecords(run.records)
  const groups = groupByCell(trials, axes)
  const baseline = axes.find((axis) => axis.name === 'toolchain')?.values[0]
  const baselines = new Map(
    groups.filter((group) => group.toolchain === baseline).map((group) => [conditionsKey(group), group]),
  )
  const context = { seed: plan.seed, accelerator: environment.accelerator }
  return {
    version: 1,
    run: {
      id: run.id,
      experiment: plan.experiment.name,
      planHash: plan.hash,
      seed: plan.seed,
      ...(baseline === undefined ? {} : { baseline: String(baseline) }),
      plannedTrials: plan.order.length,
      finishedTrials: trials.length,
    },
    environment,
    cells: groups.map((group) => summariseCell(group, baselines.get(conditionsKey(group)), context)),
    trials,
  }
}
