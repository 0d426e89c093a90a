import type { Cell } from '../results/cell.ts'
import type { Comparison } from '../results/comparison.ts'
import { rangeCoverage } from '../results/statistics.ts'
import { formatExactMilliseconds, formatMilliseconds, formatShare } from './format.ts'
import { conditionsOf, nameOf } from './names.ts'

/** What a careful reader would say about the figures, each with what to do about it. */
export function adviceFor(comparison: Comparison, where: string): string[] {
  return [
    ...incomplete(comparison, where),
    ...fewTrials(comparison.cells),
    ...indistinct(comparison),
    ...nearResolution(comparison.cells),
    ...invalid(comparison.cells),
    ...emulated(comparison),
  ]
}

function incomplete({ run }: Comparison, where: string): string[] {
  const missing = run.plannedTrials - run.finishedTrials
  return missing > 0 ? [`${missing} planned trials are not done yet: run testbed resume ${where}`] : []
}

/** Fewer than 6 values: no interval of the median can keep 95 %, and the bootstrap's is the range of the values. */
function fewTrials(cells: readonly Cell[]): string[] {
  const counts = cells.map((cell) => cell.measured).filter((measured) => measured > 0)
  const fewest = Math.min(...counts)
  if (counts.length === 0 || fewest >= 6) return []
  const promise =
    fewest === 1
      ? 'a cell has a single measured trial, which says nothing about the spread'
      : `a cell has only ${fewest} measured trials: its brackets are their range, which holds the true median ${formatShare(rangeCoverage(fewest))} of the time`
  return [`${promise}; 95 % takes at least 6: measure more with --repetitions 10`]
}

function indistinct({ cells, run }: Comparison): string[] {
  return cells.flatMap((cell) => {
    const ratio = cell.ratioToBaseline.serviceDowntimeMs
    const isBaseline = cell.toolchain === run.baseline
    if (ratio === undefined || isBaseline || ratio.low > 1 || ratio.high < 1) return []
    const pair = `${cell.toolchain} and ${run.baseline}`
    return [
      `${pair} cannot be told apart by service downtime with ${conditionsOf(cell)}: the interval of their ratio holds 1`,
    ]
  })
}

function nearResolution(cells: readonly Cell[]): string[] {
  return cells.flatMap((cell) => {
    const { serviceDowntimeMs: downtime, resolutionMs: resolution } = cell.metrics
    if (downtime === undefined || resolution === undefined) return []
    if (downtime.median >= 5 * resolution.median) return []
    const figures = `${formatMilliseconds(downtime.median)} ± ${formatExactMilliseconds(resolution.median)}`
    return [`${nameOf(cell)}: service downtime is close to its resolution (${figures}): raise the probe rate`]
  })
}

function invalid(cells: readonly Cell[]): string[] {
  const count = cells.reduce((sum, cell) => sum + (cell.verdicts.invalid ?? 0), 0)
  if (count === 0) return []
  return [
    `${count} trials are invalid: leave this machine more idle time or lower the probe rate, then run again`,
  ]
}

/** Design: a figure measured under emulation never stands beside another without saying so. */
function emulated({ environment }: Comparison): string[] {
  if (environment.accelerator !== 'tcg') return []
  return [
    'measured under emulation (TCG): compare these figures with each other only, not with KVM or namespaces',
  ]
}
