import { type Continuity, continuity } from '../probes/continuity.ts'
import { generatorFault } from '../probes/health.ts'
import { measureService } from '../probes/measure.ts'
import type { ProbeOptions, Recording } from '../probes/session.ts'
import { type ConnectionVerdict, connectionFate } from '../probes/socket.ts'
import type { Metrics } from '../results/record.ts'

/** Instants of a trial, in monotonic nanoseconds, in this order. */
export interface TrialMarks {
  readonly baselineStart: bigint
  /** The evidence is taken after it: reading the whole state back disturbs the very latencies of the baseline. */
  readonly baselineEnd: bigint
  /** The migration is asked for. */
  readonly migrateStart: bigint
  /** The toolchain says that it is done. */
  readonly migrateEnd: bigint
  /** The probes were stopped. */
  readonly end: bigint
}

/** What the client saw of a trial. */
export interface Observation {
  /** Those that come from the probes. */
  readonly metrics: Metrics
  /** Whether the service answered again and went on doing so. */
  readonly restored: boolean
  readonly connection: ConnectionVerdict
  /** How the connection broke. */
  readonly connectionDetail?: string
  readonly continuity: Continuity
  /** Why this was not measured well enough. */
  readonly fault?: string
}

/** Reads a recording; every definition is in docs/measurement.md. */
export function observeRecording(recording: Recording, marks: TrialMarks, probe: ProbeOptions): Observation {
  const { samples } = recording
  const { ratePerSecond, timeoutMs } = probe
  const service = measureService(samples, marks, { ratePerSecond, timeoutMs })
  const baseline = measureService(
    samples,
    { ...marks, migrateStart: marks.baselineEnd },
    { ratePerSecond, timeoutMs },
  )
  const { p50BaselineMs: _p50, p99BaselineMs: _p99, ...during } = service.metrics
  const { p50BaselineMs, p99BaselineMs } = baseline.metrics
  const connection = connectionFate(samples, marks, {
    ratePerSecond: recording.connectionRatePerSecond,
    timeoutMs,
  })
  const { connectionDowntimeMs, detail } = connection
  const fault = generatorFault(recording.health, ratePerSecond, service.outage, recording.stalls)
  return {
    metrics: {
      ...during,
      ...(p50BaselineMs === undefined ? {} : { p50BaselineMs }),
      ...(p99BaselineMs === undefined ? {} : { p99BaselineMs }),
      ...(connectionDowntimeMs === undefined ? {} : { connectionDowntimeMs }),
    },
    restored: service.restored,
    connection: connection.verdict,
    ...(detail === undefined ? {} : { connectionDetail: detail }),
    continuity: continuity(samples, { uniqueSequence: probe.spec.protocol !== 'http' }),
    ...(fault === undefined ? {} : { fault }),
  }
}
