import { type Clock, millisecondsBetween } from '../core/time.ts'

export interface TimelinePhase {
  readonly name: string
  /** From the request to migrate. */
  readonly startMs: number
  readonly endMs: number
  readonly details?: Readonly<Record<string, number | string>>
}

/** The phases of a trial on the client's monotonic clock. Phases may overlap: work that is staged runs beside others. */
export interface Timeline {
  /** Stamps start and end of `run`; `details` takes the mechanism's own figures. A phase that throws is kept too. */
  phase<Result>(
    name: string,
    run: (details: Record<string, number | string>) => Promise<Result>,
  ): Promise<Result>
  readonly phases: readonly TimelinePhase[]
  /** Adds figures to a phase that has ended: what a mechanism tells only afterwards. */
  annotate(name: string, details: Readonly<Record<string, number | string>>): void
  /** The phase that was under way when the last error was thrown. */
  readonly failedPhase: string | undefined
}

/** @param origin the monotonic stamp of the request to migrate, in nanoseconds */
export function createTimeline(clock: Clock, origin: bigint): Timeline {
  const phases: TimelinePhase[] = []
  let failedPhase: string | undefined
  return {
    get phases() {
      return [...phases].sort((a, b) => a.startMs - b.startMs)
    },
    get failedPhase() {
      return failedPhase
    },
    annotate(name, details) {
      const index = phases.findLastIndex((phase) => phase.name === name)
      const phase = phases[index]
      if (phase !== undefined) phases[index] = { ...phase, details: { ...phase.details, ...details } }
    },
    async phase(name, run) {
      const details: Record<string, number | string> = {}
      const startMs = millisecondsBetween(origin, clock.monotonicNs())
      try {
        return await run(details)
      } catch (error) {
        failedPhase ??= name
        throw error
      } finally {
        const endMs = millisecondsBetween(origin, clock.monotonicNs())
        const detail = Object.keys(details).length === 0 ? {} : { details }
        phases.push({ name, startMs, endMs, ...detail })
      }
    },
  }
}
