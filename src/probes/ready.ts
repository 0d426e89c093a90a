import type { ProbeSpec } from '../config/resolved.ts'
import { TestbedError } from '../core/errors.ts'
import { type Clock, systemClock } from '../core/time.ts'
import { exchangeFor, type Judgement, type ProbeTarget } from './exchange.ts'
import { probeFresh } from './fresh.ts'

const attemptTimeoutMs = 1000
const pauseMs = 50

/**
 * Asks as a probe does, one at a time, until the first good answer, and returns it. With Redis every attempt that gets
 * through is an `INCR`, with PostgreSQL a row. Throws `TestbedError` (trial) with the last bad answer after `timeoutMs`, and the signal's
 * reason when aborted.
 */
export async function waitUntilAnswering(
  target: ProbeTarget,
  spec: ProbeSpec,
  timeoutMs: number,
  signal: AbortSignal,
  clock: Clock = systemClock,
): Promise<Judgement> {
  const exchange = exchangeFor(spec, target)
  const deadline = clock.monotonicNs() + BigInt(Math.ceil(timeoutMs * 1e6))
  for (let attempt = 0; ; attempt++) {
    signal.throwIfAborted()
    const leftMs = Number(deadline - clock.monotonicNs()) / 1e6
    const judgement = await new Promise<Judgement>((resolve) => {
      probeFresh(target, exchange, attempt, Math.max(1, Math.min(attemptTimeoutMs, leftMs)), resolve)
    })
    if (judgement.outcome === 'ok') return judgement
    if (clock.monotonicNs() >= deadline) {
      const detail = judgement.detail === undefined ? '' : ` (${judgement.detail})`
      throw new TestbedError('trial', `no good answer within ${timeoutMs} ms`, {
        where: `${target.host}:${target.port}`,
        why: [`the last attempt ended: ${judgement.outcome}${detail}`],
        hint: "look at the workload's own log; its readyTimeout may be too short for this machine",
      })
    }
    await clock.sleep(pauseMs, signal)
  }
}
