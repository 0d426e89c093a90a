import { millisecondsBetween } from '../core/time.ts'
import { findSilences, goodAnswers, outageThresholdNs } from './gaps.ts'
import { edgeLateMs, type MeasuredOutage } from './health.ts'
import { quantile, waitedMs } from './latency.ts'
import { answerMarginNs, type Marks, type ProbeSettings } from './marks.ts'
import type { Sample } from './sample.ts'

/** Named as in a trial record; one that does not apply is absent. */
interface ServiceMetrics {
  readonly serviceDowntimeMs?: number
  readonly unavailableMs?: number
  readonly failedRequests: number
  readonly lostRequestSeconds: number
  readonly p50BaselineMs?: number
  readonly p99BaselineMs?: number
  readonly p99DuringMs?: number
  readonly resolutionMs: number
}

export interface ServiceMeasurement {
  readonly metrics: ServiceMetrics
  /** Whether the service answered again; when not, downtimes and `p99DuringMs` are censored: absent, never a number. */
  readonly restored: boolean
  /** How long the service had been silent when the probes were stopped; absent when it never answered. */
  readonly silentAtEndMs?: number
  /** Due so close to the end that they had no time to be answered; in no other figure. */
  readonly undecidedRequests: number
  /** For `generatorFault`; absent without a downtime. */
  readonly outage?: MeasuredOutage
}

/** What the `service` stream says about a trial; definitions in docs/measurement.md. */
export function measureService(
  samples: readonly Sample[],
  marks: Marks,
  settings: ProbeSettings,
): ServiceMeasurement {
  const { ratePerSecond, timeoutMs } = settings
  const good = goodAnswers(samples, 'service')
  const silences = findSilences(good, marks, settings)
  const undecidedFrom = marks.end - answerMarginNs(timeoutMs)
  const decided = (sample: Sample): boolean => sample.outcome !== 'unanswered' || sample.due < undecidedFrom
  const dueWithin = (from: bigint, to: bigint): Sample[] =>
    samples.filter((sample) => sample.stream === 'service' && sample.due >= from && sample.due <= to)

  const since = dueWithin(marks.migrateStart, marks.end)
  const failedRequests = since.filter((sample) => sample.outcome !== 'ok' && decided(sample)).length
  const baseline = dueWithin(marks.baselineStart, marks.migrateStart - 1n)
    .filter(decided)
    .map((sample) => waitedMs(sample, good))

  const first = good[0]?.done
  const { longest } = silences
  const known =
    silences.restored && longest !== undefined && first !== undefined && first <= marks.migrateStart
  const outages = silences.gaps.filter((gap) => gap.to - gap.from > outageThresholdNs(ratePerSecond))
  const unavailableNs = outages.reduce((sum, gap) => sum + (gap.to - gap.from), 0n)
  const during = (): number | undefined => {
    if (longest === undefined) return undefined
    const until = later(longest.to, marks.migrateEnd)
    const waits = since
      .filter((sample) => sample.due <= until && decided(sample))
      .map((sample) => waitedMs(sample, good))
    return quantile(waits, 0.99)
  }
  const serviceDowntimeMs = known ? millisecondsBetween(longest.from, longest.to) : undefined
  return {
    metrics: {
      failedRequests,
      lostRequestSeconds: failedRequests / ratePerSecond,
      resolutionMs: 1000 / ratePerSecond,
      ...present({
        serviceDowntimeMs,
        unavailableMs: known ? millisecondsBetween(0n, unavailableNs) : undefined,
        p50BaselineMs: quantile(baseline, 0.5),
        p99BaselineMs: quantile(baseline, 0.99),
        p99DuringMs: known ? during() : undefined,
      }),
    },
    restored: silences.restored,
    undecidedRequests: since.filter((sample) => !decided(sample)).length,
    ...(silences.tailNs === undefined ? {} : { silentAtEndMs: millisecondsBetween(0n, silences.tailNs) }),
    ...(serviceDowntimeMs === undefined || longest === undefined
      ? {}
      : { outage: { ...longest, downtimeMs: serviceDowntimeMs, edgeLateMs: edgeLateMs(samples, longest) } }),
  }
}

function later(a: bigint, b: bigint): bigint {
  return a > b ? a : b
}

function present<Name extends string>(
  values: Record<Name, number | undefined>,
): Partial<Record<Name, number>> {
  const entries = Object.entries<number | undefined>(values).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as Partial<Record<Name, number>>
}
