import { messageOf, TestbedError } from '../core/errors.ts'
import { formatDuration } from '../core/units.ts'
import type { ConnectionVerdict } from '../probes/socket.ts'
import type { StateSurvival, Survival, TrialCause, TrialRecord, Verdict } from '../results/record.ts'
import type { Toolchain } from '../toolchains/toolchain.ts'
import type { Attempt, AttemptOutcome } from './attempt.ts'

export interface Judgement {
  readonly verdict: Verdict
  /** Absent when `ok`. */
  readonly cause?: TrialCause
  readonly warnings: readonly string[]
}

/** Steps that only serve the measurement: that one of them failed says nothing about the toolchain. */
const ourSteps: readonly string[] = ['link', 'write', 'probe', 'record', 'unlink']

/**
 * How a trial ended. A deadline comes before the failure that it provoked, a failed step before the generator's own
 * fault, and that fault before whatever was measured with it. An attempt that was interrupted has no verdict.
 */
export function judgeAttempt(
  attempt: Attempt,
  toolchain: Pick<Toolchain, 'name' | 'keeps'>,
  deadlineMs: number,
): Judgement {
  const { failure, outcome } = attempt
  if (failure !== undefined) {
    const step = failure.phase ?? failure.step
    if (failure.aborted) {
      const message = `not done within ${formatDuration(deadlineMs)}`
      const hint = 'raise `deadline` in the experiment file if this is a matter of patience'
      return { verdict: 'timed-out', cause: { step, message, hint }, warnings: [] }
    }
    const verdict = ourSteps.includes(failure.step) ? 'invalid' : 'failed'
    return { verdict, cause: withAftermath(causeOf(step, failure.error), failure.answers), warnings: [] }
  }
  if (outcome === undefined) throw new Error('an attempt has an outcome or a failure')
  return judgeOutcome(outcome, toolchain)
}

function judgeOutcome(outcome: AttemptOutcome, toolchain: Pick<Toolchain, 'name' | 'keeps'>): Judgement {
  const { observation } = outcome
  if (observation.fault !== undefined) {
    const hint = 'close other programs on this machine, or lower `probe.rate`'
    return { verdict: 'invalid', cause: { step: 'probe', message: observation.fault, hint }, warnings: [] }
  }
  if (!observation.restored) {
    const message = 'the workload answered once after the migration and then no more'
    return { verdict: 'failed', cause: { step: 'answer', message }, warnings: [] }
  }
  const survival = stateOf(outcome)
  const promised = (['memory', 'files', 'connections'] as const).filter((part) => toolchain.keeps[part])
  const lost = promised.filter((part) => survival[part] === 'lost')
  const warnings = promised
    .filter((part) => survival[part] === 'unknown')
    .map((part) => `${toolchain.name} promises to keep ${part}; whether it did could not be seen`)
  if (lost.length === 0) return { verdict: 'ok', warnings }
  const message = `lost: ${lost.join(', ')}, which ${toolchain.name} promises to keep`
  return { verdict: 'wrong-state', cause: { step: 'verify', message }, warnings }
}

/** What survived, and what the client saw of its open connection. */
export function survivalOf(outcome: AttemptOutcome): Pick<TrialRecord, 'state' | 'connection'> {
  const { connection } = outcome.observation
  return { state: stateOf(outcome), ...(connection === 'not-observed' ? {} : { connection }) }
}

/** What survived, as the oracles and the client's own connection say. */
function stateOf(outcome: AttemptOutcome): StateSurvival {
  const { state, observation } = outcome
  return {
    memory: state.memory,
    files: state.files,
    connections: connectionSurvival[observation.connection],
    findings: [...state.findings, connectionFinding(observation.connection, observation.connectionDetail)],
  }
}

/** A trial of which nothing is known. */
export const unknownState: StateSurvival = {
  memory: 'unknown',
  files: 'unknown',
  connections: 'unknown',
  findings: [],
}

/** An error as a trial's cause; where it happened is part of the message. */
function causeOf(step: string, error: unknown): TrialCause {
  if (!(error instanceof TestbedError)) return { step, message: messageOf(error) }
  const { where, why, hint, log } = error.parts
  return {
    step,
    message: where === undefined ? error.message : `${where}: ${error.message}`,
    ...(why === undefined ? {} : { why }),
    ...(hint === undefined ? {} : { hint }),
    ...(log === undefined ? {} : { log }),
  }
}

/** What the clients have of a migration that failed. */
function withAftermath(cause: TrialCause, answers: boolean | undefined): TrialCause {
  if (answers === undefined) return cause
  const ending = answers ? 'the workload still answers' : 'the workload answers no more'
  return { ...cause, why: [...(cause.why ?? []), ending] }
}

const connectionSurvival: Readonly<Record<ConnectionVerdict, Survival>> = {
  survived: 'kept',
  reset: 'lost',
  stalled: 'lost',
  'not-observed': 'unknown',
}

function connectionFinding(verdict: ConnectionVerdict, detail: string | undefined): string {
  const how = detail === undefined ? '' : ` (${detail})`
  const findings: Readonly<Record<ConnectionVerdict, string>> = {
    survived: 'open connection: answered on the same socket to the end',
    reset: `open connection: broken${how}`,
    stalled: 'open connection: still open, but never answered again',
    'not-observed': 'open connection: did not work before the migration, so nothing can be said',
  }
  return findings[verdict]
}
