import { metricNamesOf } from '../results/cell.ts'
import type { Comparison } from '../results/comparison.ts'
import { verdicts } from '../results/record.ts'
import { withoutNoise } from './format.ts'
import { factorNames } from './names.ts'

type Value = string | number | undefined

/**
 * One row a cell (RFC 4180). Metrics in the units of their names, each as `_median`, `_low`, `_high`, `_n`, their
 * ratios to the first toolchain as `_ratio`, `_ratioLow`, `_ratioHigh`; empty where a metric does not apply.
 */
export function renderCsv(comparison: Comparison): string {
  const { cells } = comparison
  const factors = factorNames(cells)
  const metrics = metricNamesOf(comparison.trials)
  const ratios = metrics.filter((name) => cells.some((cell) => cell.ratioToBaseline[name] !== undefined))
  const header = [
    'toolchain',
    'workload',
    ...factors,
    'accelerator',
    'trials',
    ...verdicts,
    'measured',
    'memoryKept',
    'filesKept',
    'connectionsKept',
    'connectionsReset',
    'connectionsStalled',
    ...metrics.flatMap((name) => ['_median', '_low', '_high', '_n'].map((part) => name + part)),
    ...ratios.flatMap((name) => ['_ratio', '_ratioLow', '_ratioHigh'].map((part) => name + part)),
  ]
  const rows = cells.map((cell): Value[] => [
    cell.toolchain,
    cell.workload,
    ...factors.map((name) => cell.factors[name]),
    cell.accelerator,
    cell.trials,
    ...verdicts.map((verdict) => cell.verdicts[verdict] ?? 0),
    cell.measured,
    cell.state.memory,
    cell.state.files,
    cell.state.connections,
    cell.connections.reset ?? 0,
    cell.connections.stalled ?? 0,
    ...metrics.flatMap((name) => {
      const summary = cell.metrics[name]
      return [summary?.median, summary?.low, summary?.high, summary?.n]
    }),
    ...ratios.flatMap((name) => {
      const ratio = cell.ratioToBaseline[name]
      return [ratio?.median, ratio?.low, ratio?.high]
    }),
  ])
  return csvOf([header, ...rows])
}

/** Rows as RFC 4180 wants them: CRLF after each, quotes where a field needs them. */
export function csvOf(rows: readonly (readonly Value[])[]): string {
  return rows.map((row) => `${row.map(fieldOf).join(',')}\r\n`).join('')
}

function fieldOf(value: Value): string {
  const text = String(typeof value === 'number' ? withoutNoise(value) : (value ?? ''))
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
