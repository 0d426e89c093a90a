/** The two request streams that watch a workload; see docs/measurement.md. */
export type StreamName =
  /** Every probe on a fresh connection, as a new user would. */
  | 'service'
  /** Every probe on the one connection that was opened before the migration; it is never reopened. */
  | 'connection'

/** `wrong`: an answer came, but not a good one. `unanswered`: none came before the probes were stopped. */
export type Outcome =
  | 'ok'
  | 'wrong'
  | 'refused'
  | 'reset'
  | 'unreachable'
  | 'timeout'
  | 'unanswered'
  | 'error'

/**
 * One probe. Times are nanoseconds of the probing process's monotonic clock, as decimal strings on disk
 * (`samples.ndjson.gz`, one JSON object a line) and bigints in memory.
 */
export interface Sample {
  readonly stream: StreamName
  /** Probe k of its stream was due at t0 + k/rate, whatever happened to the one before. */
  readonly k: number
  readonly due: bigint
  /** When it was really handed to the network; `sent - due` is the generator's own lateness. */
  readonly sent: bigint
  /** When the last byte of its answer, or its error, was seen; absent when unanswered. */
  readonly done?: bigint
  readonly outcome: Outcome
  /** Which start of the workload answered. */
  readonly identity?: string
  /** How far the workload had come. */
  readonly sequence?: number
  /** Error code or status of what was not ok. */
  readonly detail?: string
}
