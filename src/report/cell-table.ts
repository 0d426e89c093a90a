import type { Cell, StateCounts } from '../results/cell.ts'
import type { Comparison } from '../results/comparison.ts'
import { verdicts } from '../results/record.ts'
import type { Summary } from '../results/statistics.ts'
import {
  absent,
  type FormattedSummary,
  formatBytesSummary,
  formatCountSummary,
  formatDurationSummary,
  formatExactMilliseconds,
  formatMilliseconds,
  formatRatioSummary,
} from './format.ts'
import { factorNames } from './names.ts'
import { cell, column, type Table, type TableCell, type TableColumn } from './table.ts'

/** A column, and what each row has in it. */
interface Feature {
  readonly column: TableColumn
  readonly of: (row: Cell) => TableCell
}

/** The comparison table: a row for each toolchain × workload (× factors). */
export function cellTable(comparison: Comparison): Table {
  const { cells, run } = comparison
  const features = [...naming(cells), ...figures(run.baseline)]
  return {
    columns: features.map((feature) => feature.column),
    rows: cells.map((row) => features.map((feature) => feature.of(row))),
  }
}

function naming(cells: readonly Cell[]): Feature[] {
  const named = (title: string, of: (row: Cell) => string): Feature => ({
    column: column(title, { names: true }),
    of: (row) => cell(of(row)),
  })
  return [
    named('toolchain', (row) => row.toolchain),
    named('workload', (row) => row.workload),
    ...factorNames(cells).map((name) => named(name, (row) => String(row.factors[name] ?? absent))),
  ]
}

function figures(baseline: string | undefined): Feature[] {
  return [
    { column: column('trials', { align: 'right' }), of: (row) => cell(String(row.trials)) },
    { column: column('verdicts'), of: verdictCell },
    { column: column('state kept', { separator: ' · ' }), of: stateCell },
    figure('total\ntime', (row) => row.metrics.totalMs, formatDurationSummary),
    { column: column('service\ndowntime', { align: 'right' }), of: downtimeCell },
    figure('frozen', (row) => row.metrics.frozenMs, formatDurationSummary),
    figure('moved', (row) => row.metrics.transferredBytes, formatBytesSummary),
    figure('failed\nrequests', (row) => row.metrics.failedRequests, formatCountSummary),
    { column: column('p99 before\n→ during', { align: 'right', separator: ' → ' }), of: latencyCell },
    { column: column('downtime\nratio', { align: 'right' }), of: (row) => ratioCell(row, baseline) },
  ]
}

function figure(
  title: string,
  of: (row: Cell) => Summary | undefined,
  format: (summary: Summary) => FormattedSummary,
): Feature {
  return {
    column: column(title, { align: 'right' }),
    of: (row) => {
      const summary = of(row)
      return summary === undefined ? cell(absent, 'quiet') : cell(linesOf(format(summary)))
    },
  }
}

function linesOf(formatted: FormattedSummary): string[] {
  return formatted.interval === undefined ? [formatted.median] : [formatted.median, formatted.interval]
}

function verdictCell(row: Cell): TableCell {
  const counts = verdicts.flatMap((verdict) => {
    const count = row.verdicts[verdict] ?? 0
    return count === 0 ? [] : [`${count} ${verdict}`]
  })
  return cell(counts, row.verdicts.ok === row.trials ? 'good' : 'bad')
}

function stateCell(row: Cell): TableCell {
  if (row.measured === 0) return cell(absent, 'quiet')
  const share = (part: keyof StateCounts) =>
    `${part} ${row.stateKnown[part] === 0 ? absent : `${row.state[part]}/${row.measured}`}`
  const broken = (['reset', 'stalled'] as const).flatMap((end) => {
    const count = row.connections[end]
    return count === undefined ? [] : [`${count} ${end}`]
  })
  const how = broken.length === 0 ? '' : ` (${broken.join(', ')})`
  return cell([share('memory'), share('files'), `${share('connections')}${how}`])
}

function downtimeCell(row: Cell): TableCell {
  const { serviceDowntimeMs, resolutionMs } = row.metrics
  if (serviceDowntimeMs === undefined) return cell(absent, 'quiet')
  const [median = absent, ...interval] = linesOf(formatDurationSummary(serviceDowntimeMs))
  const resolution = resolutionMs === undefined ? '' : ` ± ${formatExactMilliseconds(resolutionMs.median)}`
  return cell([`${median}${resolution}`, ...interval])
}

function latencyCell(row: Cell): TableCell {
  const { p99BaselineMs, p99DuringMs } = row.metrics
  if (p99BaselineMs === undefined && p99DuringMs === undefined) return cell(absent, 'quiet')
  const write = (summary: Summary | undefined) =>
    summary === undefined ? absent : formatMilliseconds(summary.median)
  return cell([write(p99BaselineMs), write(p99DuringMs)])
}

function ratioCell(row: Cell, baseline: string | undefined): TableCell {
  const ratio = row.ratioToBaseline.serviceDowntimeMs
  if (ratio === undefined) return cell(absent, 'quiet')
  return row.toolchain === baseline ? cell('1 (baseline)', 'quiet') : cell(linesOf(formatRatioSummary(ratio)))
}
