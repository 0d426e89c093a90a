import { millisecondsBetween } from '../core/time.ts'
import { quantile } from './latency.ts'
import { isLocalFault } from './outcome.ts'
import type { Sample } from './sample.ts'
import { dueCount } from './schedule.ts'
import type { Stall } from './stall-watch.ts'

/** How well the generator kept its own schedule, on the `service` stream; the shape of a trial record's `generator`. */
export interface GeneratorFigures {
  readonly due: number
  /** Less than `due` when probes never reached the network: no more sockets, ports or memory on our side. */
  readonly sent: number
  readonly lateP50Ms: number
  readonly lateP99Ms: number
  readonly lateMaxMs: number
  /** The longest time for which a processor of this machine stood still; 0 when it never did for more than 1 ms. */
  readonly stallMaxMs: number
}

const lateness = (sample: Sample): number => millisecondsBetween(sample.due, sample.sent)

/** `due` is reckoned from the clock, not from the samples, so that a probe that was forgotten shows. */
export function generatorHealth(
  samples: readonly Sample[],
  stalls: readonly Stall[],
  recording: { readonly start: bigint; readonly end: bigint; readonly ratePerSecond: number },
): GeneratorFigures {
  const service = samples.filter((sample) => sample.stream === 'service')
  const late = service.map(lateness)
  return {
    due: dueCount(recording.start, recording.end, recording.ratePerSecond),
    sent: service.filter((sample) => !isLocalFault(sample)).length,
    lateP50Ms: quantile(late, 0.5) ?? 0,
    lateP99Ms: quantile(late, 0.99) ?? 0,
    lateMaxMs: late.reduce((most, value) => Math.max(most, value), 0),
    stallMaxMs: stalls.reduce((most, { from, to }) => Math.max(most, millisecondsBetween(from, to)), 0),
  }
}

/** A measured downtime and how late the generator itself was at its two edges. */
export interface MeasuredOutage {
  /** From the last good answer before it to the first after it; monotonic nanoseconds. */
  readonly from: bigint
  readonly to: bigint
  readonly downtimeMs: number
  readonly edgeLateMs: number
}

/** The longest time for which a processor stood still within [from, to]; 0 when none did. */
export function stalledMs(stalls: readonly Stall[], from: bigint, to: bigint): number {
  return stalls.reduce((most, stall) => {
    const [begin, end] = [stall.from > from ? stall.from : from, stall.to < to ? stall.to : to]
    return end > begin ? Math.max(most, millisecondsBetween(begin, end)) : most
  }, 0)
}

/** Two event loop turns: what is sent and what is answered within them happened in the same stall. */
const edgeNs = 3_000_000n

/**
 * The largest lateness of the probes that decide where a gap begins and ends: the first one due after its beginning, and
 * those that were sent, or waited to be sent, at either edge (a client that stalls there also reads its answers late). A
 * stall of the generator anywhere else changes nothing; nor does what is due once the first answer is there, when the
 * client reads all those that queued.
 */
export function edgeLateMs(
  samples: readonly Sample[],
  gap: { readonly from: bigint; readonly to: bigint },
): number {
  let first: Sample | undefined
  let most = 0
  for (const sample of samples) {
    if (sample.stream !== 'service') continue
    if (sample.due > gap.from && (first === undefined || sample.due < first.due)) first = sample
    const { due, sent } = sample
    const atEdge =
      (due <= gap.from + edgeNs && sent >= gap.from - edgeNs) || (due <= gap.to && sent >= gap.to - edgeNs)
    if (atEdge) most = Math.max(most, lateness(sample))
  }
  return first === undefined ? most : Math.max(most, lateness(first))
}

/**
 * Why the measurement was not good enough, or undefined; docs/measurement.md gives the reasons for the thresholds:
 * half of the probes within 3 ms, 99 % within ten intervals but never stricter than 50 ms, and at the edges of the
 * measured downtime no probe late, and this machine not at a standstill, for more than 3 ms, half an interval or 5 % of
 * it, whichever is longest.
 */
export function generatorFault(
  health: GeneratorFigures,
  ratePerSecond: number,
  outage?: MeasuredOutage,
  stalls: readonly Stall[] = [],
): string | undefined {
  const intervalMs = 1000 / ratePerSecond
  if (health.due === 0) return 'no probe was due'
  if (health.sent < health.due) {
    return `only ${health.sent} of ${health.due} probes that were due could be sent`
  }
  if (health.lateP50Ms > 3) return `half of the probes were sent more than ${ms(health.lateP50Ms)} late`
  if (health.lateP99Ms > Math.max(10 * intervalMs, 50)) {
    return `1 % of the probes were sent more than ${ms(health.lateP99Ms)} late`
  }
  if (outage === undefined) return undefined
  const { from, to, downtimeMs, edgeLateMs: lateMs } = outage
  const allowedMs = Math.max(3, intervalMs / 2, downtimeMs / 20)
  const where = `where the downtime of ${ms(downtimeMs)} began or ended`
  if (lateMs > allowedMs) return `probes were sent up to ${ms(lateMs)} late ${where}`
  const intervalNs = BigInt(Math.round(intervalMs * 1e6))
  const stillMs = Math.max(stalledMs(stalls, from, from + intervalNs), stalledMs(stalls, to - intervalNs, to))
  if (stillMs > allowedMs) return `this machine stood still for ${ms(stillMs)} ${where}`
  return undefined
}

function ms(value: number): string {
  return `${value.toFixed(1)} ms`
}
