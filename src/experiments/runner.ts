import { join } from 'node:path'
import { nearest } from '../config/nearest.ts'
import { displayPath } from '../config/paths.ts'
import { TestbedError } from '../core/errors.ts'
import { takeLock } from '../core/lock.ts'
import { finalRecords } from '../results/journal.ts'
import type { TrialRecord } from '../results/record.ts'
import { createRunFolder, type RunFolder } from '../results/run-folder.ts'
import { estimateRemainingMs } from './estimate.ts'
import { exitCodeOf } from './exit-code.ts'
import { openRun, type Plan } from './plan.ts'
import { prepareImages, runSession, type SessionOptions } from './session.ts'

export interface RunOutcome {
  readonly folder: RunFolder
  readonly plan: Plan
  /** One of each planned trial, in the order of the plan. */
  readonly records: readonly TrialRecord[]
  /** 0, or 5 when some trial did not end `ok` or `unsupported`. */
  readonly exitCode: number
}

/** What a run would do, and how long its trials are expected to take; touches nothing. */
export function dryRun(plan: Plan): { readonly plan: Plan; readonly estimatedMs: number } {
  return { plan, estimatedMs: estimateRemainingMs(plan, []) }
}

/**
 * Runs an experiment from its images to its reports, in a folder of its own under `resultsFolder`. A trial that ends
 * badly is a record, never an error.
 * @throws TestbedError: `interrupted`, or `testbed` when the hosts cannot be brought back into order, both with the
 * command that goes on; others before the first trial.
 */
export async function runExperiment(
  options: SessionOptions & { readonly plan: Plan; readonly resultsFolder: string },
): Promise<RunOutcome> {
  const { plan, resultsFolder, dependencies, signal } = options
  checkToolchains(plan, options)
  // Before there is a folder: a workload that cannot be built leaves no empty run behind.
  const images = await prepareImages(plan, options).catch((error: unknown) => {
    throw signal.aborted ? new TestbedError('interrupted', 'interrupted before the run began') : error
  })
  const { clock, random } = dependencies
  const folder = await createRunFolder({ resultsFolder, plan, clock, random })
  return await locked(folder, async () => {
    const records = await runSession(options, { folder, plan, records: [] }, async () => images)
    return await finishRun(options, folder, plan, records)
  })
}

/**
 * Goes on with a run that was interrupted or killed: trials with a record stay as they are, the others are run.
 * @throws TestbedError: `busy` when it is under way elsewhere, `configuration` when the folder is not a run or was
 * edited, and as `runExperiment`.
 */
export async function resumeExperiment(
  options: SessionOptions & { readonly path: string },
): Promise<RunOutcome> {
  const { folder } = await openRun(options.path)
  return await locked(folder, async () => {
    // Read again: until the lock was ours another program may have added to it.
    const run = await openRun(folder.path)
    const { plan } = run
    checkToolchains(plan, options)
    const done = finalRecords(run.records)
    const complete = done.length === plan.order.length
    const records = complete ? done : await runSession(options, run, () => prepareImages(plan, options))
    return await finishRun(options, folder, plan, records)
  })
}

async function finishRun(
  options: SessionOptions,
  folder: RunFolder,
  plan: Plan,
  records: readonly TrialRecord[],
): Promise<RunOutcome> {
  await options.dependencies.writeReports(folder.path)
  options.progress({ kind: 'reports-written', folder: folder.reportFolder })
  return { folder, plan, records, exitCode: exitCodeOf(records) }
}

async function locked<Result>(folder: RunFolder, run: () => Promise<Result>): Promise<Result> {
  const release = await takeLock(join(folder.path, '.lock'), {
    what: `the run ${displayPath(folder.path)}`,
    hint: 'wait until it has ended; `testbed report` shows how far it is',
  })
  try {
    return await run()
  } finally {
    await release()
  }
}

/** Before anything is built: a plan of another version of the tool may name what this one does not have. */
function checkToolchains(plan: Plan, options: SessionOptions): void {
  const known = options.toolchains.map(({ name }) => name)
  for (const name of plan.toolchains) {
    if (known.includes(name)) continue
    const near = nearest(name, known)
    throw new TestbedError('configuration', `unknown toolchain: ${name}`, {
      where: plan.experiment.file,
      why: [`known are ${known.join(', ')}`],
      ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
    })
  }
}
