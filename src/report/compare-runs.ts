import { type Comparison, compareTrials } from '../results/comparison.ts'
import type { MetricName } from '../results/record.ts'
import { readRun } from '../results/stored-run.ts'
import { csvOf } from './csv.ts'
import { renderJson } from './json.ts'
import { renderMarkdown } from './markdown.ts'
import { factorNames } from './names.ts'
import type { ReportFormat } from './report.ts'
import { compareRunsByCell, type RunComparison } from './run-comparison.ts'
import { runSections, runTable } from './run-table.ts'
import { renderTerminal, type TerminalOptions } from './terminal.ts'

/**
 * Several runs side by side, as text; `terminal` matters to `table` only.
 * Throws a TestbedError when a folder is not a run or is damaged.
 */
export async function compareRuns(
  folders: readonly string[],
  format: ReportFormat,
  terminal: TerminalOptions,
): Promise<string> {
  const comparisons: Comparison[] = []
  for (const path of folders) {
    const run = await readRun(path)
    comparisons.push(compareTrials({ ...run, id: run.folder.id }))
  }
  const comparison = compareRunsByCell(comparisons)
  if (format === 'json') return renderJson(comparison)
  if (format === 'csv') return runCsv(comparison)
  const table = runTable(comparison)
  const sections = runSections(comparison, folders)
  return format === 'table'
    ? renderTerminal(table, sections, terminal)
    : renderMarkdown('Runs compared', table, sections)
}

/** One row for each cell, metric and run: as many runs as wanted without another column. */
function runCsv({ cells, runs }: RunComparison): string {
  const factors = factorNames(cells)
  const header = ['toolchain', 'workload', ...factors, 'run', 'metric', 'median', 'low', 'high', 'n']
  const rows = cells.flatMap((cell) =>
    cell.runs.flatMap((each, at) =>
      (Object.keys(each?.metrics ?? {}) as MetricName[]).map((metric) => {
        const summary = each?.metrics[metric]
        const ratio = each?.ratioToFirst[metric]
        return [
          cell.toolchain,
          cell.workload,
          ...factors.map((name) => cell.factors[name]),
          runs[at]?.run.id,
          metric,
          ...[summary?.median, summary?.low, summary?.high, summary?.n],
          ...[ratio?.median, ratio?.low, ratio?.high],
        ]
      }),
    ),
  )
  return csvOf([[...header, 'ratio', 'ratioLow', 'ratioHigh'], ...rows])
}
