import { messageOf } from '../core/errors.ts'
import { millisecondsBetween } from '../core/time.ts'
import type { TrialRecord } from '../results/record.ts'
import { keepsOf, type Toolchain, type TrialContext } from '../toolchains/toolchain.ts'
import { attemptTrial } from './attempt.ts'
import { endsOf, type TrialBench, toolchainOf, trialContext, workloadOf } from './bench.ts'
import { ensureClean } from './clean-state.ts'
import { startDeadline, withDeadline } from './deadline.ts'
import { linkOf } from './link.ts'
import { metricsOf } from './metrics.ts'
import type { PlannedTrial } from './order.ts'
import { patienceOf, trialSettings } from './settings.ts'
import type { TrialStep } from './steps.ts'
import { type TrialFolder, writeTimeline } from './trial-folder.ts'
import { whatIsMissing } from './unsupported.ts'
import { judgeAttempt, survivalOf, unknownState } from './verdict.ts'

export interface TrialOptions {
  readonly folder: TrialFolder
  /** The one that ran before this: what is left on the hosts is most likely its. */
  readonly previous?: PlannedTrial
  readonly onStep: (step: TrialStep) => void
  readonly signal: AbortSignal
}

const removeDeadlineMs = 60_000

/**
 * Runs one trial from the check that the hosts are clean to the removal of all that it made, and words its record.
 * @throws the signal's reason when interrupted (all is removed, there is no record), and a TestbedError when hosts
 * cannot be brought back into order; every other failure is the record's verdict.
 */
export async function runTrial(
  bench: TrialBench,
  trial: PlannedTrial,
  options: TrialOptions,
): Promise<TrialRecord> {
  const { clock } = bench.dependencies
  const { signal } = options
  const toolchain = toolchainOf(bench, trial.toolchain)
  const startedAt = clock.now().toISOString()
  const began = clock.monotonicNs()
  const context = (within: AbortSignal) => trialContext(bench, trial, options.folder, within)

  const clean = await ensureClean(
    {
      residue: (within) => bench.cleanCheck.residue(endsOf(bench.testbed), within),
      remove: async () => {
        for (const suspect of options.previous === undefined ? [trial] : [options.previous, trial]) {
          const suspected = (within: AbortSignal) => trialContext(bench, suspect, options.folder, within)
          for (const each of bench.toolchains.values()) await remove(bench, each, suspected)
          if (linkOf(bench.plan.experiment, suspect.factors) !== undefined) await clearLinks(bench)
        }
      },
      reset: (names, within) => bench.resetHosts(names, within),
    },
    signal,
  )
  const [source, destination] = endsOf(bench.testbed)
  const finish = (
    parts: Pick<TrialRecord, 'verdict'> & Partial<TrialRecord>,
    warnings: readonly string[],
  ): TrialRecord => ({
    version: 1,
    id: trial.id,
    index: trial.index,
    block: trial.block,
    attempt: options.folder.attempt,
    toolchain: trial.toolchain,
    workload: trial.workload,
    factors: trial.factors,
    startedAt,
    durationMs: millisecondsBetween(began, clock.monotonicNs()),
    source: source.name,
    destination: destination.name,
    state: unknownState,
    metrics: {},
    phases: [],
    ...parts,
    warnings: [...clean.warnings, ...warnings],
  })

  if (clean.residue.length > 0) {
    const message = `not clean before the trial: ${clean.residue[0]}`
    const cause = { step: 'clean', message, why: clean.residue, hint: 'run `testbed rebuild`' }
    return finish({ verdict: 'invalid', cause }, [])
  }
  const workload = workloadOf(bench.plan, trial)
  const settings = trialSettings(bench.plan.experiment, trial.factors, bench)
  const ends = [source, destination] as const
  const mayPowerOff = bench.testbed.powerOff !== undefined
  const missing = whatIsMissing(trial, toolchain, workload, settings, ends, mayPowerOff)
  if (missing !== undefined) {
    return finish({ verdict: 'unsupported', cause: { step: 'supports', message: missing } }, [])
  }

  const deadline = startDeadline(clock, { what: trial.id, ms: settings.deadlineMs, signal })
  const attempt = await attemptTrial({
    toolchain,
    context: context(deadline.signal),
    settings,
    seed: bench.plan.seed,
    attempt: options.folder.attempt,
    dependencies: bench.dependencies,
    onStep: options.onStep,
  })
  const interrupted = signal.aborted
  deadline.clear()
  const complaints = [
    await remove(bench, toolchain, context),
    settings.link === undefined ? undefined : await clearLinks(bench),
  ].filter((complaint) => complaint !== undefined)
  if (interrupted) throw signal.reason

  await writeTimeline(options.folder, attempt)
  const { verdict, cause, warnings } = judgeAttempt(
    attempt,
    { name: toolchain.name, keeps: keepsOf(toolchain, workload) },
    settings.deadlineMs,
  )
  return finish(
    {
      verdict,
      ...(cause === undefined ? {} : { cause }),
      ...(attempt.outcome === undefined ? {} : survivalOf(attempt.outcome)),
      metrics: metricsOf(attempt),
      phases: attempt.phases,
      ...(attempt.recording === undefined ? {} : { generator: attempt.recording.health }),
    },
    [...warnings, ...complaints],
  )
}

/** Removes all that a toolchain made, whatever was interrupted: a deadline of its own. Answers what went wrong. */
async function remove(
  bench: TrialBench,
  toolchain: Toolchain,
  context: (signal: AbortSignal) => TrialContext,
): Promise<string | undefined> {
  const limits = { what: `removal by ${toolchain.name}`, ms: removeDeadlineMs * patienceOf(bench) }
  try {
    await withDeadline(bench.dependencies.clock, limits, (signal) => toolchain.remove(context(signal)))
    return undefined
  } catch (error) {
    // The check before the next trial finds what is left, and mends it.
    return `${toolchain.name} could not clean up: ${messageOf(error)}`
  }
}

/** The links of both hosts as they were, whatever was interrupted. Answers what went wrong. */
async function clearLinks(bench: TrialBench): Promise<string | undefined> {
  const { clock, links } = bench.dependencies
  const limits = { what: 'clearing the links', ms: removeDeadlineMs * patienceOf(bench) }
  try {
    await withDeadline(clock, limits, (signal) => links.clear(endsOf(bench.testbed), signal))
    return undefined
  } catch (error) {
    return `the conditions of the links could not be lifted: ${messageOf(error)}`
  }
}
