import { createCipheriv, createHash } from 'node:crypto'
import type { ResolvedWorkload } from '../config/resolved.ts'
import { messageOf, TestbedError } from '../core/errors.ts'
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

const fillItselfMs = 10 * 60_000

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
  if (state.kind === 'http') {
    await fillItself(address, `${state.path}?bytes=${bytes}&seed=${options.seed}`, signal)
  } else if (state.kind === 'redis') {
    const batches = valueBatches(bytes, state.valueBytes, next)
    await withRedis(address, signal, (redis) => fillKeys(redis, batches))
  } else if (probe.protocol === 'postgres') {
    const batches = valueBatches(bytes, state.rowBytes, next)
    await withPostgres(probe, address, signal, (client) => fillRows(client, batches))
  }
}

/** Has the workload make its state; it answers when that is there. @throws TestbedError (trial) */
async function fillItself(
  { host, port }: ServiceAddress,
  path: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const limit = AbortSignal.timeout(fillItselfMs)
  const failed = (why: string, cause?: unknown) =>
    new TestbedError('trial', 'the workload did not fill itself', {
      where: `POST http://${host}:${port}${path}`,
      why: [why],
      hint: 'it has to answer with status 200 when its state is there',
      cause,
    })
  const answer = await fetch(`http://${host}:${port}${path}`, {
    method: 'POST',
    signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
  }).catch((error: unknown) => {
    signal?.throwIfAborted()
    throw failed(messageOf(error), error)
  })
  const said = await answer.text()
  if (answer.status !== 200) throw failed(`status ${answer.status} ${said.slice(0, 200)}`)
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
