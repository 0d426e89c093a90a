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

function checkAnswers({ probe }: ResolvedWorkload, observed: Observed): Check[] {
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
    // PostgreSQL answers once the number is on its disk.
    const part = probe.protocol === 'postgres' ? files : memory
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
  { state }: ResolvedWorkload,
  { redis: before }: Evidence,
  { redis: after }: Aftermath,
  observed: Observed | undefined,
): Check[] {
  if (before === undefined || after === undefined) return []
  if ('missing' in after) return [memory('unknown', `Redis: not asked (${after.missing})`)]
  const { keys, sha256, sequence } = after.value
  const checks: Check[] = []
  if (state !== undefined) {
    checks.push(
      keys !== before.keys
        ? memory('lost', `Redis: ${keys} of ${plural(before.keys, 'key')} are there`)
        : sha256 !== before.sha256
          ? memory('lost', `Redis: all ${plural(keys, 'key')} are there, but with other values`)
          : memory('kept', `Redis: all ${plural(keys, 'key')} are there, with the same values`),
    )
  }
  const acknowledged = Math.max(before.sequence, observed?.lastSequence ?? 0)
  checks.push(
    sequence < acknowledged
      ? memory('lost', `Redis: increments lost, ${acknowledged} was acknowledged and ${sequence} is there`)
      : memory('kept', `Redis: every acknowledged increment up to ${acknowledged} is there`),
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
