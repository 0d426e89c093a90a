import { createHash } from 'node:crypto'
import { Redis } from 'ioredis'
import { messageOf, TestbedError } from '../core/errors.ts'
import type { ServiceAddress } from './running.ts'
import type { StateValue } from './values.ts'

/** What a Redis workload holds. */
export interface RedisContent {
  /** Keys that were filled in. */
  readonly keys: number
  /** SHA-256 in hex over those keys and their values, in the order of the keys. */
  readonly sha256: string
  /** Value of the key that the probes increment; 0 when there is none. */
  readonly sequence: number
}

/** Filled keys are `state:0`, `state:1` and so on. */
export const stateKeyPrefix = 'state:'
/** A reply this large occupies Redis for about a millisecond. */
const batchBytes = 1024 * 1024
const commandTimeoutMs = 30_000

/**
 * Opens one connection, and closes it when `use` is over or the signal fires. It is never opened again: what breaks is
 * seen, not mended.
 * @throws TestbedError (trial) when Redis cannot be reached or does not answer; the signal's reason when aborted.
 */
export async function withRedis<Result>(
  address: ServiceAddress,
  signal: AbortSignal | undefined,
  use: (redis: Redis) => Promise<Result>,
): Promise<Result> {
  signal?.throwIfAborted()
  const redis = new Redis({
    host: address.host,
    port: address.port,
    lazyConnect: true,
    enableReadyCheck: false,
    enableOfflineQueue: false,
    disableClientInfo: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    connectTimeout: 5_000,
    commandTimeout: commandTimeoutMs,
  })
  let broken: unknown
  redis.on('error', (error) => {
    broken = error // the command that was waiting is only told that the connection is closed
  })
  const disconnect = () => redis.disconnect()
  signal?.addEventListener('abort', disconnect, { once: true })
  try {
    await redis.connect()
    return await use(redis)
  } catch (error) {
    signal?.throwIfAborted()
    throw new TestbedError('trial', `Redis at ${address.host}:${address.port} did not answer`, {
      why: [messageOf(broken ?? error)],
      hint: 'was it running, and at this address?',
      cause: error,
    })
  } finally {
    signal?.removeEventListener('abort', disconnect)
    disconnect()
  }
}

export async function fillKeys(redis: Redis, batches: Iterable<readonly StateValue[]>): Promise<void> {
  for (const batch of batches) {
    const pipeline = redis.pipeline()
    for (const { number, content } of batch) pipeline.set(`${stateKeyPrefix}${number}`, content)
    for (const [error] of (await pipeline.exec()) ?? []) if (error !== null) throw error
  }
}

/** Reads back all that was filled in. `valueBytes` is the size of one value: it decides how many are read at once. */
export async function readContent(
  redis: Redis,
  valueBytes: number,
  sequenceKey: string,
): Promise<RedisContent> {
  const keys = await stateKeys(redis)
  const hash = createHash('sha256')
  const batch = Math.min(1000, Math.max(1, Math.floor(batchBytes / valueBytes)))
  for (let first = 0; first < keys.length; first += batch) {
    const names = keys.slice(first, first + batch)
    const values = await redis.mgetBuffer(names)
    for (const [index, name] of names.entries()) {
      const value = values[index]
      if (value === null || value === undefined) continue
      hash.update(`${name} ${value.length}\n`).update(value)
    }
  }
  const sequence = Number((await redis.get(sequenceKey)) ?? 0)
  return { keys: keys.length, sha256: hash.digest('hex'), sequence }
}

async function stateKeys(redis: Redis): Promise<string[]> {
  const keys = new Set<string>() // SCAN may tell a key twice
  let cursor = '0'
  do {
    const [next, found] = await redis.scan(cursor, 'MATCH', `${stateKeyPrefix}*`, 'COUNT', 1000)
    for (const key of found) keys.add(key)
    cursor = next
  } while (cursor !== '0')
  return [...keys].sort()
}
