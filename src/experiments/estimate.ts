import type { TrialRecord } from '../results/record.ts'
import { matrixKey } from './matrix.ts'
import type { Plan } from './plan.ts'

/** What a trial takes beside its windows where nothing is known yet: checks, deploy, migration, removal. */
const assumedOverheadMs = 8000

/**
 * Milliseconds that the planned trials without a record will take: each as long as the mean of its cell so far, else
 * of all trials so far, else the windows and an assumed overhead. Time to build images or bring hosts up is not in it.
 */
export function estimateRemainingMs(plan: Plan, records: readonly TrialRecord[]): number {
  const { warmUpMs, baselineMs, settleMs } = plan.experiment.windows
  const assumedMs = warmUpMs + baselineMs + settleMs + assumedOverheadMs
  const overallMs = meanDurationMs(records) ?? assumedMs
  const finished = new Set(records.map((record) => record.index))
  const byCell = Map.groupBy(records, matrixKey)
  return plan.order
    .filter((trial) => !finished.has(trial.index))
    .reduce((sum, trial) => sum + (meanDurationMs(byCell.get(matrixKey(trial)) ?? []) ?? overallMs), 0)
}

function meanDurationMs(records: readonly TrialRecord[]): number | undefined {
  if (records.length === 0) return undefined
  return records.reduce((sum, record) => sum + record.durationMs, 0) / records.length
}
