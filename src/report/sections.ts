import type { Comparison } from '../results/comparison.ts'
import { adviceFor } from './advice.ts'
import { absent, formatMilliseconds, formatShare } from './format.ts'
import { nameOf } from './names.ts'
import type { Section } from './table.ts'

/** What stands under the comparison table; `where` is how the reader finds the run folder. */
export function sectionsOf(comparison: Comparison, where: string): Section[] {
  const sections: Section[] = [
    { title: 'Trials that did not end ok', items: causesOf(comparison) },
    { title: 'Phases', items: phasesOf(comparison) },
    { title: 'Warnings', items: warningsOf(comparison) },
    { title: 'Advice', items: adviceFor(comparison, where) },
    { title: 'Columns', items: columnMeanings(comparison.run.baseline) },
    { title: 'Run', items: runFacts(comparison, where) },
  ]
  return sections.filter((section) => section.items.length > 0)
}

/** In the order of the plan, whichever cell they belong to. */
function causesOf(comparison: Comparison): string[] {
  const places = new Map(comparison.trials.map((trial, place) => [trial.id, place]))
  const placeOf = (ids: readonly string[]) => places.get(ids[0] ?? '') ?? places.size
  const causes = comparison.cells
    .flatMap((cell) => cell.causes.map((cause) => ({ cell, cause })))
    .sort((a, b) => placeOf(a.cause.trials) - placeOf(b.cause.trials))
    .map(({ cell, cause }) => {
      const parts = [
        `${nameOf(cell)}: ${cause.count} ${cause.verdict} at ${cause.step}: ${cause.message}`,
        `(${someOf(cause.trials)})`,
        ...(cause.hint === undefined ? [] : [`— hint: ${cause.hint}`]),
        ...(cause.log === undefined ? [] : [`— log: ${cause.log}`]),
      ]
      return parts.join(' ')
    })
  const rates = comparison.cells.flatMap((cell) => {
    const { failureRate: rate } = cell
    if (rate === undefined || rate.rate === 0) return []
    const failed = Math.round(rate.rate * rate.n)
    const interval = `95 % interval ${formatShare(rate.low)} to ${formatShare(rate.high)}`
    return [`${nameOf(cell)}: went wrong in ${failed} of ${rate.n}: ${formatShare(rate.rate)}, ${interval}`]
  })
  return [...causes, ...rates]
}

/** Of every cell, in the order in which they began. Some overlap, so they need not add up to the total time. */
function phasesOf(comparison: Comparison): string[] {
  const ofCells = comparison.cells.flatMap((cell) => {
    const phases = Object.entries(cell.metrics).flatMap(([metric, summary]) => {
      const name = /^phase\.(.*)Ms$/.exec(metric)?.[1]
      return name === undefined || summary === undefined
        ? []
        : [`${name} ${formatMilliseconds(summary.median)}`]
    })
    return phases.length === 0 ? [] : [`${nameOf(cell)}: ${phases.join(', ')}`]
  })
  return ofCells.length === 0 ? [] : ['medians, in the order in which they began; some overlap', ...ofCells]
}

/** Enough names to find a trial; report.json has all. */
function someOf(ids: readonly string[]): string {
  const shown = ids.slice(0, 3).join(', ')
  return ids.length > 3 ? `${shown} and ${ids.length - 3} more` : shown
}

function warningsOf(comparison: Comparison): string[] {
  const counts = new Map<string, number>()
  for (const warning of comparison.trials.flatMap((trial) => trial.warnings)) {
    counts.set(warning, (counts.get(warning) ?? 0) + 1)
  }
  return [...counts].map(([warning, count]) => (count === 1 ? warning : `${warning} (${count} trials)`))
}

function columnMeanings(baseline: string | undefined): string[] {
  return [
    'figures: median of the trials that ended ok or wrong-state, 95 % bootstrap interval in brackets (fewer than 3 trials: smallest and largest)',
    `${absent}: does not apply, or nothing was measured`,
    'verdicts: ok; wrong-state (less survived than the toolchain promises); failed; timed-out; unsupported (a host lacks something); invalid (our measurement was not good enough)',
    'state kept: in how many of the measured trials memory, files and open connections survived, by the workload’s own proof; an open connection that did not was reset, or stalled: still open and never answered again',
    'total time: from the request to migrate to the last byte of state at the destination and the source released',
    'service downtime: the longest gap between good answers on fresh connections, as the client saw it; ± the time between two probes',
    'frozen: the mechanism’s own downtime: all freezes, copying while frozen, restoring',
    'moved: bytes of state sent from host to host',
    'failed requests: probes that got no good answer',
    'p99 before → during: 99th percentile of latency from the time a probe was due, before the migration and during it',
    `downtime ratio: service downtime divided by that of ${baseline ?? 'the first toolchain'} under the same conditions`,
  ]
}

function runFacts(comparison: Comparison, where: string): string[] {
  const { run, environment } = comparison
  return [
    `experiment: ${run.experiment}, ${run.finishedTrials} of ${run.plannedTrials} trials, seed ${run.seed}`,
    `measured on: provider ${environment.provider ?? 'unknown'}, accelerator ${environment.accelerator ?? 'unknown'}`,
    ...(typeof environment.link === 'string' ? [`network conditions: ${environment.link}`] : []),
    `folder: ${where}`,
  ]
}
