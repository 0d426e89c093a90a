import type { Metrics, Phase } from '../results/record.ts'
import type { Attempt } from './attempt.ts'

/**
 * All metrics of a trial; none unless it ran to its end. Total time is from the request to the end of the last phase,
 * when the last byte is at the destination and the source is released.
 */
export function metricsOf(attempt: Attempt): Metrics {
  const { outcome, phases } = attempt
  if (outcome === undefined) return {}
  const { transferredBytes } = outcome.migration
  const { frozenMs } = outcome.figures
  return {
    ...(phases.length === 0 ? {} : { totalMs: Math.max(...phases.map((phase) => phase.endMs)) }),
    ...(frozenMs === undefined ? {} : { frozenMs }),
    transferredBytes,
    ...outcome.observation.metrics,
    ...phaseMetrics(phases),
  }
}

/** `phase.<name>Ms`; a phase that came several times counts with all of them. */
function phaseMetrics(phases: readonly Phase[]): Metrics {
  const sums: Record<`phase.${string}Ms`, number> = {}
  for (const { name, startMs, endMs } of phases) {
    const metric = `phase.${name}Ms` as const
    sums[metric] = (sums[metric] ?? 0) + (endMs - startMs)
  }
  return sums
}
