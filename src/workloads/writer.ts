import type { Redis } from 'ioredis'
import type { ResolvedWorkload } from '../config/resolved.ts'
import { TestbedError } from '../core/errors.ts'
import { type Clock, millisecondsBetween } from '../core/time.ts'
import { formatByteRate } from '../core/units.ts'
import { stateKeyPrefix, withRedis } from './redis.ts'
import type { ServiceAddress } from './running.ts'
import { incompressibleAt } from './state.ts'

/** A client that writes to a workload's state while it is measured. */
export interface StateWriter {
  /** @throws TestbedError unless at least nine tenths of what was due since the start are acknowledged */
  check(): void
  /** Ends it; answers what Redis acknowledged in all. */
  stop(): Promise<{ readonly bytes: number }>
}

export interface WriterOptions {
  readonly bytesPerSecond: number
  /** What the workload was filled with, and from which seed. */
  readonly sizeBytes?: number
  readonly seed: number
  readonly clock: Clock
  readonly signal: AbortSignal
}

const tickMs = 10
const reachedShare = 0.9
/** Within which Redis may fall behind, as every server does at times. */
const backlogMs = 1000

/** One piece of the state that is written over. */
export interface Piece {
  readonly key: string
  /** Within the value. */
  readonly offset: number
  /** In the stream that the state was filled from. */
  readonly position: number
  readonly length: number
}

/** Of `bytes` from `position` on, round and round, the pieces that each lie within one value. */
export function pieces(
  state: { readonly sizeBytes: number; readonly valueBytes: number },
  position: number,
  bytes: number,
): Piece[] {
  const found: Piece[] = []
  for (let at = position; at < position + bytes; ) {
    const place = at % state.sizeBytes
    const offset = place % state.valueBytes
    const end = Math.min(state.valueBytes - offset, state.sizeBytes - place, position + bytes - at)
    found.push({
      key: `${stateKeyPrefix}${Math.floor(place / state.valueBytes)}`,
      offset,
      position: place,
      length: end,
    })
    at += end
  }
  return found
}

/**
 * Writes over the state of a Redis workload at a rate, from its first key to its last and round again, on a connection of its
 * own. Open loop: what is written when does not depend on how fast Redis answers, but what falls due while it does not
 * answer for a second is left out. Each byte is written over with itself: memory becomes dirty, and what is there
 * can still be held against what was filled in. It ends with its connection; a workload that lost its memory is not filled again.
 * @throws TestbedError (trial) when Redis cannot be reached
 */
export async function startWriter(
  workload: ResolvedWorkload,
  address: ServiceAddress,
  options: WriterOptions,
): Promise<StateWriter> {
  const { clock, bytesPerSecond, seed, signal } = options
  if (workload.state?.kind !== 'redis') throw new Error(`${workload.name} has no state to write to`)
  const state = {
    sizeBytes: options.sizeBytes ?? workload.state.sizeBytes,
    valueBytes: workload.state.valueBytes,
  }
  const ending = new AbortController()
  const connected = Promise.withResolvers<bigint>()
  let acknowledged = 0
  const dueAt = (began: bigint) => (millisecondsBetween(began, clock.monotonicNs()) / 1000) * bytesPerSecond

  const write = async (redis: Redis): Promise<void> => {
    const began = clock.monotonicNs()
    connected.resolve(began)
    let broken = false
    let sent = 0
    let leftOut = 0
    const send = (piece: Piece) => {
      redis.setrange(piece.key, piece.offset, incompressibleAt(seed, piece.position, piece.length)).then(
        () => {
          acknowledged += piece.length
        },
        () => {
          broken = true
        },
      )
    }
    while (!broken && !ending.signal.aborted) {
      const due = Math.floor(dueAt(began)) - sent - leftOut
      if (sent - acknowledged > (bytesPerSecond * backlogMs) / 1000 + state.valueBytes) leftOut += due
      else {
        for (const piece of pieces(state, sent, due)) send(piece)
        sent += due
      }
      await clock.sleep(tickMs, ending.signal).catch(() => undefined)
    }
  }
  const ended = withRedis(address, AbortSignal.any([signal, ending.signal]), write)
  ended.catch((error: unknown) => connected.reject(error))
  const began = await connected.promise

  return {
    check: () => {
      const due = dueAt(began)
      if (acknowledged >= due * reachedShare) return
      const seconds = due / bytesPerSecond
      throw new TestbedError('trial', 'the state is not written to at the rate that was asked for', {
        where: workload.name,
        why: [`${formatByteRate(acknowledged / seconds)} instead of ${formatByteRate(bytesPerSecond)}`],
        hint: 'lower `dirtyRate`: the hosts or this machine cannot do more',
      })
    },
    stop: async () => {
      ending.abort()
      await ended.catch(() => undefined) // that it broke is told by the connections that are observed
      return { bytes: acknowledged }
    },
  }
}
