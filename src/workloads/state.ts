import { createCipheriv, createHash } from 'node:crypto'
import type { ResolvedWorkload } from '../config/resolved.ts'
import { withPostgres } from './postgres.ts'
import { fillRows } from './postgres-rows.ts'
import { fillKeys, withRedis } from './redis.ts'
import type { ServiceAddress } from './running.ts'
import { valueBatches } from './values.ts'

export interface FillOptions {
  /** Instead of the size that the workload names. */
  readonly sizeBytes?: number
  /** The same seed gives the same values. */
  readonly seed: number
  readonly signal?: AbortSignal
}

/**
 * Fills a workload that has just been started with values that neither a compressor nor a page deduplicator can make
 * smaller, until it holds `sizeBytes` of them (the last value is as short as it has to be). Nothing is done for a
 * workload without state.
 * @throws TestbedError (trial) when it refuses them.
 */
export async function fillState(
  workload: ResolvedWorkload,
  address: ServiceAddress,
  options: FillOptions,
): Promise<void> {
  const { state, probe } = workload
  if (state === undefined) return
  const { signal } = options
  const bytes = options.sizeBytes ?? state.sizeBytes
  const next = incompressible(options.seed)
  if (state.kind === 'redis') {
    const batches = valueBatches(bytes, state.valueBytes, next)
    await withRedis(address, signal, (redis) => fillKeys(redis, batches))
  } else if (probe.protocol === 'postgres') {
    const batches = valueBatches(bytes, state.rowBytes, next)
    await withPostgres(probe, address, signal, (client) => fillRows(client, batches))
  }
}

/** Endless bytes that depend on the seed alone: the key stream of AES in counter mode, a gigabyte in about a second. */
export function incompressible(seed: number): (length: number) => Buffer {
  return keyStream(seed, 0)
}

/** `length` of the same bytes, from `position` on. */
export function incompressibleAt(seed: number, position: number, length: number): Buffer {
  const skipped = position % blockBytes
  return keyStream(seed, Math.floor(position / blockBytes))(skipped + length).subarray(skipped)
}

const blockBytes = 16

function keyStream(seed: number, block: number): (length: number) => Buffer {
  const key = createHash('sha256').update(`migration-testbed ${seed}`).digest()
  const counter = Buffer.alloc(blockBytes)
  counter.writeBigUInt64BE(BigInt(block), 8)
  const cipher = createCipheriv('aes-256-ctr', key, counter)
  return (length) => cipher.update(Buffer.alloc(length))
}
