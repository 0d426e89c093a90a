import type { MetricName } from '../results/record.ts'
import type { Summary } from '../results/statistics.ts'
import {
  absent,
  type FormattedSummary,
  formatBytesSummary,
  formatCountSummary,
  formatDurationSummary,
  formatRatioSummary,
} from './format.ts'
import { factorNames } from './names.ts'
import type { CellAcrossRuns, CellOfRun, RunComparison } from './run-comparison.ts'
import { cell, column, type Section, type Table, type TableCell } from './table.ts'

interface Figure {
  readonly title: string
  readonly metric: MetricName
  readonly format: (summary: Summary) => FormattedSummary
}

const figures: readonly Figure[] = [
  { title: 'total time', metric: 'totalMs', format: formatDurationSummary },
  { title: 'service downtime', metric: 'serviceDowntimeMs', format: formatDurationSummary },
  { title: 'frozen', metric: 'frozenMs', format: formatDurationSummary },
  { title: 'moved', metric: 'transferredBytes', format: formatBytesSummary },
  { title: 'failed requests', metric: 'failedRequests', format: formatCountSummary },
]

/** A row for each cell and figure, a column for each run, and one for each ratio to the first run. */
export function runTable(comparison: RunComparison): Table {
  const factors = factorNames(comparison.cells)
  const runs = [...comparison.runs.keys()]
  return {
    columns: [
      ...['toolchain', 'workload', ...factors, 'figure'].map((title) => column(title, { names: true })),
      ...runs.map((run) => column(`run ${run + 1}`, { align: 'right' })),
      ...runs.slice(1).map((run) => column(`run ${run + 1} / run 1`, { align: 'right' })),
    ],
    rows: comparison.cells.flatMap((each) => rowsOf(each, factors)),
  }
}

/** `folders`: how the reader finds each run. */
export function runSections(comparison: RunComparison, folders: readonly string[]): Section[] {
  const { runs } = comparison
  const legend = runs.map(({ run, environment }, at) => {
    const machine = `provider ${environment.provider ?? 'unknown'}, accelerator ${environment.accelerator ?? 'unknown'}`
    return `run ${at + 1}: ${run.experiment}, ${run.finishedTrials} of ${run.plannedTrials} trials, ${machine}, ${folders[at] ?? run.id}`
  })
  const differing = (of: (each: RunComparison['runs'][number]) => string | undefined) =>
    new Set(runs.map(of)).size > 1
  const advice = [
    ...(differing((each) => each.environment.accelerator)
      ? ['the runs were measured on different accelerators: their times are not comparable as they stand']
      : []),
    ...(differing((each) => each.environment.provider)
      ? ['the runs were measured with different providers: network and disk paths differ']
      : []),
    ...(differing((each) => each.run.planHash)
      ? ['the plans of the runs differ: see plan.json of each']
      : []),
  ]
  const columns = [
    'figures: median of the trials that ended ok or wrong-state, 95 % bootstrap interval in brackets',
    `ratios: a run’s median divided by that of run 1, with its interval; ${absent}: nothing to divide`,
  ]
  const sections = [
    { title: 'Advice', items: advice },
    { title: 'Columns', items: columns },
    { title: 'Runs', items: legend },
  ]
  return sections.filter((section) => section.items.length > 0)
}

function rowsOf(across: CellAcrossRuns, factors: readonly string[]): TableCell[][] {
  const { toolchain, workload, runs } = across
  const names = [toolchain, workload, ...factors.map((name) => String(across.factors[name] ?? absent))]
  const row = (title: string, of: (run: CellOfRun) => TableCell, ratioOf?: (run: CellOfRun) => TableCell) => [
    ...[...names, title].map((name) => cell(name)),
    ...runs.map((run) => (run === null ? nothing : of(run))),
    ...runs.slice(1).map((run) => (run === null || ratioOf === undefined ? nothing : ratioOf(run))),
  ]
  const shown = figures.filter(({ metric }) => runs.some((run) => run?.metrics[metric] !== undefined))
  return [
    row('ok', (run) => cell(`${run.verdicts.ok ?? 0} of ${run.trials}`)),
    ...shown.map(({ title, metric, format }) =>
      row(
        title,
        (run) => summaryCell(run.metrics[metric], format),
        (run) => summaryCell(run.ratioToFirst[metric], formatRatioSummary),
      ),
    ),
  ]
}

const nothing = cell(absent, 'quiet')

function summaryCell(
  summary: Summary | undefined,
  format: (summary: Summary) => FormattedSummary,
): TableCell {
  if (summary === undefined) return nothing
  const { median, interval } = format(summary)
  return cell(interval === undefined ? median : `${median} ${interval}`)
}
