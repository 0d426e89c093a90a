import { readFile } from 'node:fs/promises'
import { lastLines } from '../core/process.ts'
import type { CommandResult, Host } from '../hosts/host.ts'
import type { RunningWorkload } from './running.ts'

/** What was read, or why it could not be; `unasked` when nothing answered that could have told. */
export type Reading<Value> = { readonly value: Value } | { readonly missing: string; readonly unasked?: true }

/** A file that the workload appends to. */
export interface AppendedFile {
  readonly bytes: number
  /** SHA-256 in hex of its first bytes: as many as were asked for, or all. */
  readonly sha256: string
  /** Lines of the form `identity count` that are there more than once. */
  readonly repeated: number
}

/** A list of files with their digests. */
export interface Manifest {
  readonly lines: number
  /** SHA-256 in hex of its first lines: as many as were asked for, or all. */
  readonly sha256: string
  /** Files that are not there or have other content; 0 when nobody looked. */
  readonly broken: number
  /** The first of those. */
  readonly first: string
}

/** Put there before the migration. */
const markerName = 'migration-testbed.marker'
/** Gigabytes may have to be read. */
const oracleMs = 10 * 60_000
const scripts = new URL('../../provision/oracle/', import.meta.url)

/**
 * Which exec of its program the main process is: the 16 random bytes that the kernel gave it then, in hex. They lie in
 * its memory and so come along with it; a process that was started again has others (getauxval(3), AT_RANDOM).
 */
export async function readExecIdentity(
  { host, pid }: RunningWorkload,
  signal?: AbortSignal,
): Promise<Reading<string>> {
  const result = await runOracle(host, 'exec-identity.sh', [String(pid)], signal)
  return result.exitCode === 0 ? { value: result.stdout.trim() } : { missing: lastWords(result) }
}

/** Leaves a file in a folder of the container's file system, past the container. */
export async function writeMarker(
  { host, pid }: RunningWorkload,
  folder: string,
  token: string,
  signal?: AbortSignal,
): Promise<Reading<string>> {
  const argv = ['tee', markerIn(pid, folder)] as const
  const result = await host.run({ argv }, { input: token, ...(signal === undefined ? {} : { signal }) })
  return result.exitCode === 0 ? { value: token } : { missing: lastWords(result) }
}

export async function readMarker(
  { host, pid }: RunningWorkload,
  folder: string,
  signal?: AbortSignal,
): Promise<Reading<string>> {
  const argv = ['cat', markerIn(pid, folder)] as const
  const result = await host.run({ argv }, signal === undefined ? {} : { signal })
  return result.exitCode === 0 ? { value: result.stdout } : { missing: lastWords(result) }
}

function markerIn(pid: number, folder: string): string {
  return `/proc/${pid}/root${folder}/${markerName}`
}

/** Describes a list of the container's files; with `lines`, the digest is of that many, and every file of the list is read. */
export async function readManifest(
  { host, pid }: RunningWorkload,
  path: string,
  lines: number | undefined,
  signal?: AbortSignal,
): Promise<Reading<Manifest>> {
  const args = [String(pid), path, ...(lines === undefined ? [] : [String(lines)])]
  const result = await runOracle(host, 'manifest.sh', args, signal)
  return result.exitCode === 0
    ? { value: JSON.parse(result.stdout) as Manifest }
    : { missing: lastWords(result) }
}

/** Describes a file of the container; the digest is of its first `bytes` bytes, of all of it when absent. */
export async function readAppendedFile(
  { host, pid }: RunningWorkload,
  path: string,
  bytes: number | undefined,
  signal?: AbortSignal,
): Promise<Reading<AppendedFile>> {
  const args = [String(pid), path, ...(bytes === undefined ? [] : [String(bytes)])]
  const result = await runOracle(host, 'appended-file.sh', args, signal)
  return result.exitCode === 0
    ? { value: JSON.parse(result.stdout) as AppendedFile }
    : { missing: lastWords(result) }
}

/** A script of `provision/oracle`, sent along: it need not be on the host. */
async function runOracle(
  host: Host,
  script: string,
  args: readonly string[],
  signal: AbortSignal | undefined,
): Promise<CommandResult> {
  const input = await readFile(new URL(script, scripts), 'utf8')
  const argv = ['sh', '-s', '--', ...args] as const
  const within = signal === undefined ? {} : { signal }
  return await host.run({ argv }, { input, timeoutMs: oracleMs, ...within })
}

function lastWords(result: CommandResult): string {
  return lastLines(result.stderr, 1)[0] ?? `exit ${result.exitCode}`
}
