import type { ResolvedWorkload } from '../config/resolved.ts'
import type { Span } from '../core/spans.ts'
import { type Check, files, memory, plural, type Survival } from './check.ts'
import { type Aftermath, type Evidence, takeAftermath } from './evidence.ts'
import type { Reading } from './oracle.ts'
import { checkPostgres } from './postgres-checks.ts'
import type { RunningWorkload } from './running.ts'

/** What the client saw of the workload's answers, over the whole trial. */
export interface Observed {
  /** Start identities seen after the first one; absent when answers carry none. */
  readonly restarts?: number
  readonly firstIdentity?: string
  readonly lastIdentity?: string
  /** Of the last answer that carries one. */
  readonly lastSequence?: number
  /** Answers that went back behind an earlier one of the same identity. */
  readonly rolledBack: number
  /** Answers that gave out a number twice; absent unless each should be unique. */
  readonly repeated?: number
  /** The numbers that were given out; absent unless each should be unique. */
  readonly acknowledged?: readonly Span[]
}

export interface StateJudgement {
  readonly memory: Survival
  readonly files: Survival
  /** A sentence for every check. */
  readonly findings: readonly string[]
}

/**
 * What of a workload's state is still there, as every applicable check says: lost when one says so, unknown when one
 * could not be made, else kept. `running` is absent when it runs nowhere any more, `observed` when nothing was.
 * @throws the signal's reason when aborted.
 */
export async function judgeState(
  workload: ResolvedWorkload,
  evidence: Evidence,
  running: RunningWorkload | undefined,
  observed: Observed | undefined,
  options: { readonly signal?: AbortSignal } = {},
): Promise<StateJudgement> {
  const aftermath = await takeAftermath(workload, evidence, running, options.signal)
  return weigh(workload, evidence, aftermath, observed)
}

/** Compares before and after. */
export function weigh(
  workload: ResolvedWorkload,
  before: Evidence,
  after: Aftermath,
  observed: Observed | undefined,
): StateJudgement {
  const checks = [
    checkExec(before, after),
    ...(observed === undefined ? [] : checkAnswers(workload, observed)),
    ...checkRedis(workload, before, after, observed),
    ...checkPostgres(before.postgres, after.postgres, observed?.acknowledged),
    checkMarker(before, after),
    ...checkAppendedFile(before, after),
    ...checkManifest(before, after, observed),
  ]
  const survival = (of: Check['of']) => combine(checks.filter((check) => check.of === of))
  return {
    memory: survival('memory'),
    files: survival('files'),
    findings: checks.map(({ finding }) => finding),
  }
}

function combine(checks: readonly Check[]): Survival {
  const some = (survival: Survival) => checks.some((check) => check.survival === survival)
  if (some('lost')) return 'lost'
  return some('unknown') || checks.length === 0 ? 'unknown' : 'kept'
}

function checkExec(before: Evidence, after: Aftermath): Check {
  if ('missing' in before.execIdentity || 'missing' in after.execIdentity) {
    return memory('unknown', `main process: not asked (${why(before.execIdentity, after.execIdentity)})`)
  }
  return before.execIdentity.value === after.execIdentity.value
    ? memory('kept', 'main process: the very one that was started')
    : memory('lost', 'main process: restarted, it is another one than before')
}

/** What is on a volume outlives the process: that it was acknowledged says that it is on the disk. */
const isDurable = ({ probe, manifest, volumes }: ResolvedWorkload): boolean =>
  probe.protocol === 'postgres' ||
  manifest !== undefined ||
  (probe.protocol === 'redis' && volumes !== undefined)

function checkAnswers(workload: ResolvedWorkload, observed: Observed): Check[] {
  const { probe } = workload
  const { restarts, firstIdentity, lastIdentity, lastSequence, rolledBack, repeated = 0 } = observed
  const checks: Check[] = []
  if (probe.protocol === 'http' && probe.identity !== undefined) {
    checks.push(
      restarts === undefined
        ? memory('unknown', 'start identity: no good answer told it')
        : restarts === 0
          ? memory('kept', 'start identity: the same in every answer')
          : memory('lost', `start identity: restarted, ${lastIdentity} answers instead of ${firstIdentity}`),
    )
  }
  if (probe.protocol !== 'http' || probe.sequence !== undefined) {
    const part = isDurable(workload) ? files : memory
    checks.push(
      lastSequence === undefined
        ? part('unknown', 'sequence: no good answer told it')
        : rolledBack > 0
          ? part('lost', `sequence: rolled back, ${plural(rolledBack, 'answer')} behind an earlier one`)
          : repeated > 0
            ? part('lost', `sequence: repeated, ${plural(repeated, 'answer')} with a number given before`)
            : part('kept', 'sequence: no answer repeated or rolled back'),
    )
  }
  return checks
}

function checkRedis(
  workload: ResolvedWorkload,
  { redis: before }: Evidence,
  { redis: after }: Aftermath,
  observed: Observed | undefined,
): Check[] {
  if (before === undefined || after === undefined) return []
  const part = isDurable(workload) ? files : memory
  if ('missing' in after) return [part('unknown', `Redis: not asked (${after.missing})`)]
  const { keys, sha256, sequence } = after.value
  const checks: Check[] = []
  if (workload.state !== undefined) {
    checks.push(
      keys !== before.keys
        ? part('lost', `Redis: ${keys} of ${plural(before.keys, 'key')} are there`)
        : sha256 !== before.sha256
          ? part('lost', `Redis: all ${plural(keys, 'key')} are there, but with other values`)
          : part('kept', `Redis: all ${plural(keys, 'key')} are there, with the same values`),
    )
  }
  const acknowledged = Math.max(before.sequence, observed?.lastSequence ?? 0)
  checks.push(
    sequence < acknowledged
      ? part('lost', `Redis: increments lost, ${acknowledged} was acknowledged and ${sequence} is there`)
      : part('kept', `Redis: every acknowledged increment up to ${acknowledged} is there`),
  )
  return checks
}

function checkMarker(before: Evidence, after: Aftermath): Check {
  if ('missing' in before.marker) {
    return files('unknown', `marker file: it could not be written (${before.marker.missing})`)
  }
  if ('missing' in after.marker) return gone('marker file', after.marker, after)
  return after.marker.value === before.marker.value
    ? files('kept', 'marker file: there, unchanged')
    : files('lost', 'marker file: there, with other content')
}

function checkAppendedFile({ appendedFile: before }: Evidence, aftermath: Aftermath): Check[] {
  const after = aftermath.appendedFile
  if (before === undefined || after === undefined) return []
  if ('missing' in after) return [gone('appended file', after, aftermath)]
  const { bytes, sha256, repeated } = after.value
  if (bytes < before.bytes) {
    return [files('lost', `appended file: cut off, ${bytes} of ${before.bytes} bytes are there`)]
  }
  if (sha256 !== before.sha256) {
    return [files('lost', `appended file: its first ${before.bytes} bytes are others than before`)]
  }
  const kept = files(
    'kept',
    `appended file: all ${before.bytes} bytes are there, ${bytes - before.bytes} new`,
  )
  // Memory that was rolled back behind what is on disk counts the same numbers again.
  const again = repeated - before.repeated
  return again > 0
    ? [kept, files('kept', `appended file: repeated, ${plural(again, 'line')} written twice`)]
    : [kept]
}

/** Every line that was there, and every one that an answer has counted since, with all the files that they name. */
function checkManifest(
  { manifest: before }: Evidence,
  aftermath: Aftermath,
  observed: Observed | undefined,
): Check[] {
  const after = aftermath.manifest
  if (before === undefined || after === undefined) return []
  if ('missing' in after) return [gone('manifest', after, aftermath)]
  const { lines, sha256, broken, first } = after.value
  const acknowledged = Math.max(before.lines, observed?.lastSequence ?? 0)
  if (lines < acknowledged) {
    return [files('lost', `manifest: ${lines} of ${plural(acknowledged, 'committed file')} are in it`)]
  }
  if (sha256 !== before.sha256) {
    return [files('lost', `manifest: its first ${plural(before.lines, 'line')} are others than before`)]
  }
  if (broken > 0) {
    return [
      files('lost', `manifest: ${broken} of ${plural(lines, 'file')} are gone or changed, ${first} first`),
    ]
  }
  return [
    files(
      'kept',
      `manifest: all ${plural(lines, 'file')} have the content that was committed, ${lines - before.lines} new`,
    ),
  ]
}

/** A file that cannot be read is lost only if its host was asked, and the process whose file system it is in is there. */
function gone(
  what: string,
  { missing, unasked }: { readonly missing: string; readonly unasked?: true },
  { execIdentity }: Aftermath,
): Check {
  return unasked === true || 'missing' in execIdentity
    ? files('unknown', `${what}: not asked (${missing})`)
    : files('lost', `${what}: gone (${missing})`)
}

function why(...readings: readonly Reading<unknown>[]): string {
  return readings.flatMap((reading) => ('missing' in reading ? [reading.missing] : [])).join('; ')
}
