import type { ProbeSpec } from '../config/resolved.ts'
import { exchangeFor, type ProbeTarget } from './exchange.ts'
import { probeFresh } from './fresh.ts'
import { openLongLived } from './long-lived.ts'
import { createRecorder } from './recorder.ts'
import type { Sample } from './sample.ts'
import { runSchedule, type Timers } from './schedule.ts'

export interface StreamsRequest {
  readonly target: ProbeTarget
  readonly spec: ProbeSpec
  /** Of the `service` stream. */
  readonly ratePerSecond: number
  /** Of the `connection` stream. */
  readonly connectionRatePerSecond: number
  /** After which an unanswered probe of the `service` stream is given up. */
  readonly timeoutMs: number
}

export interface RunningStreams {
  /** When probe 0 of both streams was due. */
  readonly start: bigint
  /** Resolves with the next answer on the `connection` stream, or with the end of its socket. */
  connectionTold(): Promise<void>
  /** Sends what is due by now and nothing more; what is still unanswered stays so. */
  stop(): { readonly end: bigint; readonly samples: Sample[] }
}

/** Starts both request streams on one clock. */
export function runStreams(request: StreamsRequest, timers: Timers): RunningStreams {
  const { target, ratePerSecond, connectionRatePerSecond, timeoutMs } = request
  const exchange = exchangeFor(request.spec, target)
  const recorder = createRecorder(() => timers.monotonicNs())
  const connection = openLongLived(target, exchange)
  const start = timers.monotonicNs()
  const schedules = [
    runSchedule(start, ratePerSecond, timers, (k, due) => {
      probeFresh(target, exchange, k, timeoutMs, recorder.begin('service', k, due))
      return true
    }),
    runSchedule(start, connectionRatePerSecond, timers, (k, due) =>
      connection.probe(k, () => recorder.begin('connection', k, due)),
    ),
  ]
  return {
    start,
    connectionTold: () => connection.told(),
    stop() {
      const end = timers.monotonicNs()
      for (const schedule of schedules) schedule.stop(end)
      const samples = recorder.finish()
      connection.close()
      return { end, samples }
    },
  }
}
