/** The instants that divide a recording, in nanoseconds of the probing process's clock, in this order. */
export interface Marks {
  /** The warm-up is over. */
  readonly baselineStart: bigint
  /** The migration is asked for. */
  readonly migrateStart: bigint
  /** The toolchain says that it is done. */
  readonly migrateEnd: bigint
  /** The probes are stopped. */
  readonly end: bigint
}

/** How the probes were sent. */
export interface ProbeSettings {
  /** Of the stream in question. */
  readonly ratePerSecond: number
  readonly timeoutMs: number
}

/** How close to the end a probe may be due and still be unanswered without being held against the service. */
export function answerMarginNs(timeoutMs: number): bigint {
  return BigInt(Math.round(Math.min(timeoutMs, 1000) * 1e6))
}
