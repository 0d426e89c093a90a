import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Clock } from '../core/time.ts'
import type { Host } from './host.ts'

/** How a host's wall clock stands to our monotonic one. */
export interface ClockOffset {
  /** Host wall clock minus our monotonic clock, nanoseconds. */
  readonly offsetNs: bigint
  /** Half the round trip of the best exchange: the offset is this exact. */
  readonly uncertaintyMs: number
}

/**
 * Estimates a host's clock offset as NTP does: the midpoint of request and answer, of the exchange with the shortest round
 * trip (Mills, RFC 5905, section 8).
 */
export async function estimateClockOffset(host: Host, clock: Clock, exchanges = 8): Promise<ClockOffset> {
  // Nothing is started for an answer: on an emulated host that takes longer than the way there and back.
  const process = await host.stream({
    argv: ['env', 'LC_ALL=C', 'bash', '-c', 'while read -r _; do echo "$EPOCHREALTIME"; done'],
  })
  process.stderr.resume()
  const lines = createInterface({ input: process.stdout })
  try {
    let best: ClockOffset | undefined
    for (let n = 0; n < exchanges; n += 1) {
      const sent = clock.monotonicNs()
      process.stdin.write('\n')
      const [line] = (await once(lines, 'line', { signal: AbortSignal.timeout(5_000) })) as [string]
      const received = clock.monotonicNs()
      const uncertaintyMs = Number(received - sent) / 2e6
      if (best === undefined || uncertaintyMs < best.uncertaintyMs) {
        best = { offsetNs: BigInt(line.replace('.', '')) * 1000n - (sent + received) / 2n, uncertaintyMs }
      }
    }
    if (best === undefined) throw new Error('no exchange was made')
    return best
  } finally {
    lines.close()
    process.stdin.end()
    process.kill()
  }
}
