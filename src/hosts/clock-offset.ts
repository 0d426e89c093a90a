import type { Clock } from '../core/time.ts'
import type { Host } from './host.ts'
import { type HostClock, openHostClock } from './host-clock.ts'

/** How a host's wall clock stands to our monotonic one. */
export interface ClockOffset {
  /** Host wall clock minus our monotonic clock, nanoseconds. */
  readonly offsetNs: bigint
  /** Half the round trip of the best exchange: the offset is this exact. */
  readonly uncertaintyMs: number
}

/** Estimates a host's clock offset. @throws TestbedError or an AbortError when the host gives no answer */
export async function estimateClockOffset(host: Host, clock: Clock): Promise<ClockOffset> {
  const hostClock = await openHostClock(host)
  try {
    return await offsetOf(hostClock, clock)
  } finally {
    hostClock.close()
  }
}

/**
 * As NTP does: the midpoint of request and answer, of the exchange with the shortest round trip (Mills, RFC 5905,
 * section 8).
 */
export async function offsetOf(hostClock: HostClock, clock: Clock): Promise<ClockOffset> {
  let best: ClockOffset | undefined
  for (let n = 0; n < 8; n += 1) {
    const sent = clock.monotonicNs()
    const theirs = await hostClock.now()
    const received = clock.monotonicNs()
    const uncertaintyMs = Number(received - sent) / 2e6
    if (best === undefined || uncertaintyMs < best.uncertaintyMs) {
      best = { offsetNs: theirs - (sent + received) / 2n, uncertaintyMs }
    }
  }
  if (best === undefined) throw new Error('no exchange was made')
  return best
}
