import type { Factors, HostName } from '../config/resolved.ts'

/** How a trial ended; see docs/architecture.md. */
export const verdicts = ['ok', 'wrong-state', 'failed', 'timed-out', 'unsupported', 'invalid'] as const
export type Verdict = (typeof verdicts)[number]

/** `unknown`: nothing could be asked (the workload never answered again, or it has nothing of the kind). */
export type Survival = 'kept' | 'lost' | 'unknown'

export interface StateSurvival {
  readonly memory: Survival
  readonly files: Survival
  readonly connections: Survival
  /** What the oracles saw, a sentence each: `restarted: another start identity answers`. */
  readonly findings: readonly string[]
}

/**
 * What became of a connection that was open before the migration, as its client saw it: good answers on the same socket to
 * the end; broken; neither, and no good answer any more.
 */
export const connectionEnds = ['survived', 'reset', 'stalled'] as const
export type ConnectionEnd = (typeof connectionEnds)[number]

/** Names are the contract of `report.json`; a metric that does not apply is absent, never 0. */
export type MetricName =
  | 'totalMs'
  | 'frozenMs'
  | 'serviceDowntimeMs'
  | 'unavailableMs'
  | 'connectionDowntimeMs'
  | 'transferredBytes'
  | 'failedRequests'
  | 'lostRequestSeconds'
  | 'p50BaselineMs'
  | 'p99BaselineMs'
  | 'p99DuringMs'
  | 'resolutionMs'
  | `phase.${string}Ms`
export type Metrics = Readonly<Partial<Record<MetricName, number>>>

export interface Phase {
  readonly name: string
  /** From the request to migrate, on the client's monotonic clock. */
  readonly startMs: number
  readonly endMs: number
  /** The mechanism's own figures (CRIU's stats, bytes moved). */
  readonly details?: Readonly<Record<string, number | string>>
}

/** How well the load generator kept its own schedule. */
export interface GeneratorHealth {
  readonly due: number
  readonly sent: number
  readonly lateP50Ms: number
  readonly lateP99Ms: number
  readonly lateMaxMs: number
  /** Absent in records of versions that did not watch for it. */
  readonly stallMaxMs?: number
}

export interface TrialCause {
  /** The step or phase that failed. */
  readonly step: string
  readonly message: string
  readonly why?: readonly string[]
  readonly hint?: string
  readonly log?: string
}

/** One line of `trials.jsonl`: the only source of every table. */
export interface TrialRecord {
  readonly version: 1
  /** Unique in the run, also the name of its folder: `007-b2-redis-docker-checkpoint`. */
  readonly id: string
  /** Position in the plan, from 0. */
  readonly index: number
  /** From 1. */
  readonly block: number
  /** From 1; above 1 when an earlier attempt was cut off by a crash or an interruption. */
  readonly attempt: number
  readonly toolchain: string
  readonly workload: string
  /** The other axes. */
  readonly factors: Factors
  readonly verdict: Verdict
  readonly cause?: TrialCause
  readonly startedAt: string
  readonly durationMs: number
  readonly source: HostName
  readonly destination: HostName
  readonly state: StateSurvival
  /** Absent when nothing was seen of one, and in records of versions that did not tell. */
  readonly connection?: ConnectionEnd
  readonly metrics: Metrics
  readonly phases: readonly Phase[]
  readonly generator?: GeneratorHealth
  readonly warnings: readonly string[]
}
