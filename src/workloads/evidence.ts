import type { ResolvedWorkload } from '../config/resolved.ts'
import { messageOf, TestbedError } from '../core/errors.ts'
import {
  type AppendedFile,
  type Manifest,
  type Reading,
  readAppendedFile,
  readExecIdentity,
  readManifest,
  readMarker,
  writeMarker,
} from './oracle.ts'
import { withPostgres } from './postgres.ts'
import { type PostgresContent, readRows } from './postgres-rows.ts'
import { type RedisContent, readContent, withRedis } from './redis.ts'
import type { RunningWorkload, ServiceAddress } from './running.ts'

/** What a workload was like right before its migration. Plain data. */
export interface Evidence {
  readonly execIdentity: Reading<string>
  /** Missing when the container's root folder cannot be written. */
  readonly marker: Reading<string>
  readonly appendedFile?: AppendedFile
  readonly manifest?: Manifest
  readonly redis?: RedisContent
  readonly postgres?: PostgresContent
}

/** What it is like afterwards. */
export interface Aftermath {
  readonly execIdentity: Reading<string>
  readonly marker: Reading<string>
  /** Digest of as many bytes as there were before. */
  readonly appendedFile?: Reading<AppendedFile>
  readonly manifest?: Reading<Manifest>
  readonly redis?: Reading<RedisContent>
  readonly postgres?: Reading<PostgresContent>
}

export interface EvidenceOptions {
  /** Content of the marker file; another one for every trial. */
  readonly token: string
  readonly signal?: AbortSignal
}

/**
 * Looks at a running workload. Nothing of it is stopped; Redis and PostgreSQL are read whole, which their clients may notice.
 * @throws TestbedError when what workload.yaml names is not there: a trial without it would prove nothing.
 */
export async function takeEvidence(
  workload: ResolvedWorkload,
  running: RunningWorkload,
  options: EvidenceOptions,
): Promise<Evidence> {
  const { signal, token } = options
  const [execIdentity, marker, appendedFile, manifest, redis, postgres] = await Promise.all([
    readExecIdentity(running, signal),
    writeMarker(running, markerFolder(workload), token, signal),
    required(workload, running, 'appendedFile', (path) => readAppendedFile(running, path, undefined, signal)),
    required(workload, running, 'manifest', (path) => readManifest(running, path, undefined, signal)),
    readRedis(workload, running.address, signal),
    readPostgres(workload, running.address, signal),
  ])
  return {
    execIdentity,
    marker,
    ...(appendedFile === undefined ? {} : { appendedFile }),
    ...(manifest === undefined ? {} : { manifest }),
    ...(redis === undefined ? {} : { redis }),
    ...(postgres === undefined ? {} : { postgres }),
  }
}

/** Files are to be kept in volumes where the workload has any: what else it writes goes with its container. */
function markerFolder({ volumes }: ResolvedWorkload): string {
  return volumes?.[0]?.path ?? ''
}

/** A file that workload.yaml names; undefined when it names none. @throws TestbedError when it is not there */
async function required<Value>(
  workload: ResolvedWorkload,
  { host }: RunningWorkload,
  key: 'appendedFile' | 'manifest',
  read: (path: string) => Promise<Reading<Value>>,
): Promise<Value | undefined> {
  const path = workload[key]
  if (path === undefined) return undefined
  const reading = await read(path)
  if (!('missing' in reading)) return reading.value
  throw new TestbedError('trial', `the file ${path} of ${workload.name} could not be read`, {
    where: host.name,
    why: [reading.missing],
    hint: `${key} in ${workload.file} names a file that the workload writes from its start on`,
  })
}

/** Looks again; what cannot be read is said, and not thrown. @throws the signal's reason when aborted. */
export async function takeAftermath(
  workload: ResolvedWorkload,
  evidence: Evidence,
  running: RunningWorkload | undefined,
  signal?: AbortSignal,
): Promise<Aftermath> {
  const attempt = async <Value>(read: (of: RunningWorkload) => Promise<Reading<Value>>) => {
    if (running === undefined) return { missing: 'it runs nowhere', unasked: true as const }
    try {
      return await read(running)
    } catch (error) {
      signal?.throwIfAborted()
      const why = error instanceof TestbedError ? error.parts.why?.at(-1) : undefined
      return { missing: `${messageOf(error)}${why === undefined ? '' : `: ${why}`}`, unasked: true as const }
    }
  }
  const { appendedFile: path, manifest: listPath } = workload
  const { appendedFile: before, manifest: listBefore } = evidence
  const [execIdentity, marker, appendedFile, manifest, redis, postgres] = await Promise.all([
    attempt((of) => readExecIdentity(of, signal)),
    attempt((of) => readMarker(of, markerFolder(workload), signal)),
    path === undefined || before === undefined
      ? undefined
      : attempt((of) => readAppendedFile(of, path, before.bytes, signal)),
    listPath === undefined || listBefore === undefined
      ? undefined
      : attempt((of) => readManifest(of, listPath, listBefore.lines, signal)),
    evidence.redis === undefined
      ? undefined
      : attempt(async (of) => {
          const value = await readRedis(workload, of.address, signal)
          return value === undefined ? { missing: 'it has no redis probe' } : { value }
        }),
    evidence.postgres === undefined
      ? undefined
      : attempt(async (of) => {
          const value = await readPostgres(workload, of.address, signal)
          return value === undefined ? { missing: 'it has no postgres probe' } : { value }
        }),
  ])
  return {
    execIdentity,
    marker,
    ...(appendedFile === undefined ? {} : { appendedFile }),
    ...(manifest === undefined ? {} : { manifest }),
    ...(redis === undefined ? {} : { redis }),
    ...(postgres === undefined ? {} : { postgres }),
  }
}

async function readRedis(
  workload: ResolvedWorkload,
  address: ServiceAddress,
  signal: AbortSignal | undefined,
): Promise<RedisContent | undefined> {
  const { probe, state } = workload
  if (probe.protocol !== 'redis') return undefined
  const valueBytes = state?.kind === 'redis' ? state.valueBytes : 1
  return await withRedis(address, signal, (redis) => readContent(redis, valueBytes, probe.sequenceKey))
}

async function readPostgres(
  workload: ResolvedWorkload,
  address: ServiceAddress,
  signal: AbortSignal | undefined,
): Promise<PostgresContent | undefined> {
  const { probe, state } = workload
  if (probe.protocol !== 'postgres') return undefined
  const rowBytes = state?.kind === 'postgres' ? state.rowBytes : undefined
  return await withPostgres(probe, address, signal, (client) =>
    readRows(client, probe.sequenceTable, rowBytes),
  )
}
