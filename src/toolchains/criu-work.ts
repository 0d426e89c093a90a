import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { rejectWhenAborted } from '../core/abort.ts'
import { millisecondsBetween } from '../core/time.ts'
import { runChecked } from '../hosts/checked.ts'
import type { ClockOffset } from '../hosts/clock-offset.ts'
import type { Host } from '../hosts/host.ts'
import { type DumpStats, parseCriuStats, type RestoreStats } from './criu-stats.ts'
import type { Timeline } from './timeline.ts'
import type { TrialContext } from './toolchain.ts'

/** Where runc's CRIU leaves logs and statistics: `work-dir` in the hosts' /etc/criu/runc.conf. */
const workFolder = '/var/log/criu'

/** Forgets what an earlier dump or restore on this host left, so that nothing old is taken for new. */
export async function clearCriuWork(host: Host, signal: AbortSignal): Promise<void> {
  const files = ['pre-dump', 'dump', 'restore'].flatMap((side) => [
    `${workFolder}/${side}.log`,
    `${workFolder}/stats-${side}`,
  ])
  await host.run({ argv: ['rm', '-f', ...files] }, { signal })
}

/** Puts the log and the figures of a dump aside that left the workload running: the next dump would overwrite them. */
export async function keepPreDump(host: Host, signal: AbortSignal): Promise<void> {
  const script = 'mv "$1/dump.log" "$1/pre-dump.log" && mv "$1/stats-dump" "$1/stats-pre-dump"'
  await runChecked(host, ['sh', '-c', script, 'sh', workFolder], {
    what: 'keeping the figures of the first copy',
    kind: 'trial',
    signal,
  })
}

/** Whether the last dump was given up because of a process that was just being forked, or ending, as CRIU froze. */
export async function dumpMetAChange(host: Host, signal: AbortSignal): Promise<boolean> {
  const argv = ['grep', '-q', 'Unseizable non-zombie', `${workFolder}/dump.log`] as const
  const asked = await host.run({ argv }, { signal }).catch(() => undefined) // a host that is gone has no log
  return asked?.exitCode === 0
}

/** CRIU says it wherever it may not raise its own limits, and goes on. */
const harmless = /Can't setup RLIMIT_NOFILE for self/

export interface CriuWork {
  readonly dump?: DumpStats
  readonly restore?: RestoreStats
  /** When the statistics of the dump were written, which CRIU does right after the freeze: host wall clock, nanoseconds. */
  readonly dumpedAtNs?: bigint
  /** The lines of the log that begin with `Error`. */
  readonly errors: readonly string[]
}

/** Saves CRIU's logs and statistics of one side into the trial's folder, and reads them. */
export async function saveCriuWork(
  host: Host,
  side: 'pre-dump' | 'dump' | 'restore',
  folder: string,
  signal: AbortSignal,
): Promise<CriuWork> {
  const target = join(folder, `criu-${host.name}`)
  await mkdir(target, { recursive: true })
  const fetch = async (name: string) => {
    const local = join(target, name)
    const fetched = host.get(`${workFolder}/${name}`, local).catch(() => undefined) // CRIU may never have been reached
    await Promise.race([fetched, rejectWhenAborted(signal)]) // nor may a host that is gone
    return local
  }
  const [logFile, statsFile, written] = await Promise.all([
    fetch(`${side}.log`),
    fetch(`stats-${side}`),
    host.run({ argv: ['stat', '--format', '%.9Y', `${workFolder}/stats-${side}`] }, { signal }),
  ])
  const log = await readFile(logFile, 'utf8').catch(() => '')
  const errors = log.split('\n').filter((line) => /\bError\b/.test(line) && !harmless.test(line))
  if (written.exitCode !== 0) return { errors }
  const stats = parseCriuStats(await readFile(statsFile))
  return { ...stats, errors, dumpedAtNs: BigInt(written.stdout.trim().replace('.', '')) }
}

/** When the workload was frozen, on our monotonic clock. */
export function frozenSince(work: CriuWork, offset: ClockOffset): bigint | undefined {
  if (work.dump === undefined || work.dumpedAtNs === undefined) return undefined
  return work.dumpedAtNs - offset.offsetNs - BigInt(work.dump.frozenUs + work.dump.freezingUs) * 1000n
}

/**
 * Attaches CRIU's own figures to the phases `checkpoint` and `restoredIn`. Answers how long the workload was frozen, when CRIU told.
 */
export async function addCriuFigures(
  context: TrialContext,
  timeline: Timeline,
  seen: {
    /** Of the source's clock. */
    readonly offset: ClockOffset
    /** When the restore had ended, on our monotonic clock. */
    readonly resumed: bigint
    readonly restoredIn: string
  },
): Promise<{ readonly frozenMs?: number }> {
  const { source, destination, folder, signal } = context
  const [dump, restore] = await Promise.all([
    saveCriuWork(source, 'dump', folder, signal),
    saveCriuWork(destination, 'restore', folder, signal),
  ])
  timeline.annotate('checkpoint', { ...dump.dump, clockUncertaintyMs: seen.offset.uncertaintyMs })
  timeline.annotate(seen.restoredIn, { ...restore.restore })
  const since = frozenSince(dump, seen.offset)
  return since === undefined ? {} : { frozenMs: millisecondsBetween(since, seen.resumed) }
}
