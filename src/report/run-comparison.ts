import type { Factors } from '../config/resolved.ts'
import { type Cell, metricNamesOf, type Summaries, valuesOf } from '../results/cell.ts'
import { cellKey } from '../results/cells.ts'
import type { Comparison, RunInfo } from '../results/comparison.ts'
import { randomFrom } from '../results/random.ts'
import type { TrialRecord } from '../results/record.ts'
import type { RunEnvironment } from '../results/run-folder.ts'
import { ratioOfMedians } from '../results/statistics.ts'

/** What one run says about a cell. */
export interface CellOfRun extends Pick<Cell, 'trials' | 'measured' | 'verdicts' | 'metrics'> {
  /** Against the same cell of the first run; that run itself is 1. */
  readonly ratioToFirst: Summaries
}

export interface CellAcrossRuns extends Pick<Cell, 'toolchain' | 'workload'> {
  readonly factors: Factors
  /** One entry a run, in the order of the runs; null where a run has no such cell. */
  readonly runs: readonly (CellOfRun | null)[]
}

export interface RunComparison {
  readonly version: 1
  readonly runs: readonly { readonly run: RunInfo; readonly environment: RunEnvironment }[]
  /** In the order of the first run that has them. */
  readonly cells: readonly CellAcrossRuns[]
}

/** Puts the cells of several runs side by side. Pure and deterministic. */
export function compareRunsByCell(comparisons: readonly Comparison[]): RunComparison {
  const byRun = comparisons.map(({ cells }) => new Map(cells.map((cell) => [cellKey(cell), cell])))
  const keys = [...new Set(byRun.flatMap((cells) => [...cells.keys()]))]
  return {
    version: 1,
    runs: comparisons.map(({ run, environment }) => ({ run, environment })),
    cells: keys.flatMap((key) => {
      const known = byRun.flatMap((cells) => cells.get(key) ?? [])
      const [first] = known
      if (first === undefined) return []
      const trials = comparisons.map((each) => each.trials.filter((trial) => cellKey(trial) === key))
      const { toolchain, workload, factors } = first
      const runs = byRun.map((cells, at) => {
        const cell = cells.get(key)
        return cell === undefined ? null : cellOfRun(cell, trials[at] ?? [], trials[0] ?? [], at === 0)
      })
      return [{ toolchain, workload, factors, runs }]
    }),
  }
}

function cellOfRun(
  cell: Cell,
  trials: readonly TrialRecord[],
  firstTrials: readonly TrialRecord[],
  isFirst: boolean,
): CellOfRun {
  const ratios = metricNamesOf(trials).flatMap((name) => {
    if (name === 'resolutionMs') return []
    const values = valuesOf(trials, name)
    const ratio = ratioOfMedians(values, valuesOf(firstTrials, name), randomFrom(`${cellKey(cell)} ${name}`))
    if (ratio === undefined) return []
    return [[name, isFirst ? { median: 1, low: 1, high: 1, n: values.length } : ratio] as const]
  })
  const { verdicts, measured, metrics } = cell
  return { trials: cell.trials, measured, verdicts, metrics, ratioToFirst: Object.fromEntries(ratios) }
}
