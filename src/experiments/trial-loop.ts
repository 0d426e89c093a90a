import { messageOf } from '../core/errors.ts'
import { appendRecord, finalRecords } from '../results/journal.ts'
import { type TrialRecord, type Verdict, verdicts } from '../results/record.ts'
import type { RunFolder } from '../results/run-folder.ts'
import type { TrialBench } from './bench.ts'
import type { RunDependencies } from './dependencies.ts'
import { estimateRemainingMs } from './estimate.ts'
import type { RunProgress, TrialPosition } from './events.ts'
import type { PlannedTrial } from './order.ts'
import type { Plan } from './plan.ts'
import { runTrial } from './trial.ts'
import { beginTrialFolder } from './trial-folder.ts'

export interface LoopOptions {
  readonly bench: TrialBench
  readonly folder: RunFolder
  /** Of the trials that earlier sessions finished; new ones are added to it as they are journaled. */
  readonly records: TrialRecord[]
  /** Added to the warnings of every trial. */
  readonly sessionWarnings: readonly string[]
  readonly writeReports: RunDependencies['writeReports']
  readonly progress: RunProgress
  readonly signal: AbortSignal
}

/** How often a trial is measured again when its generator was late. */
const repeatsOfInvalid = 2

/**
 * Runs the planned trials that have no record yet, one after the other. A record is on disk before the next trial
 * begins; reports are written after every block.
 * @throws the signal's reason when interrupted, a TestbedError when the hosts cannot be brought back into order.
 */
export async function runTrials(options: LoopOptions): Promise<void> {
  const { bench, folder, records, progress, signal } = options
  const { plan } = bench
  const finished = new Set(records.map((record) => record.index))
  const left = plan.order.filter((trial) => !finished.has(trial.index))
  for (const [i, trial] of left.entries()) {
    signal.throwIfAborted()
    const record = await measure(options, trial, left[i - 1])
    await appendRecord(folder.journalFile, record)
    records.push(record)
    progress({ kind: 'trial-done', record, position: positionOf(plan, trial, record.attempt, records) })

    const next = left[i + 1]
    // The last block's reports are the run's.
    if (next !== undefined && next.block !== trial.block) await reportBlock(options)
  }
}

/**
 * Runs a trial, and again while its own measurement was not good enough: whether the generator was late is known without a
 * look at what was measured. Every attempt that was thrown away is a warning of the record.
 */
async function measure(
  options: LoopOptions,
  trial: PlannedTrial,
  previous: PlannedTrial | undefined,
): Promise<TrialRecord> {
  const { bench, folder, records, progress, signal } = options
  const warnings: string[] = []
  for (;;) {
    const trialFolder = await beginTrialFolder(folder, trial.id, bench.dependencies.clock.now())
    const position = () => positionOf(bench.plan, trial, trialFolder.attempt, records)
    progress({ kind: 'trial-started', position: position() })
    const ended = await runTrial(bench, trial, {
      folder: trialFolder,
      ...(previous === undefined ? {} : { previous }),
      onStep: (step) => progress({ kind: 'trial-step', step, position: position() }),
      signal,
    })
    const lateGenerator = ended.verdict === 'invalid' && ended.cause?.step === 'probe'
    if (!lateGenerator || warnings.length === repeatsOfInvalid) {
      return { ...ended, warnings: [...ended.warnings, ...warnings, ...options.sessionWarnings] }
    }
    const text = `attempt ${ended.attempt} was invalid and is measured again: ${ended.cause?.message}`
    warnings.push(text)
    progress({ kind: 'warning', text: `${trial.id}: ${text}` })
  }
}

/** A report that cannot be written now is no reason to stop: the next block, or `testbed report`, makes it anew. */
async function reportBlock(options: LoopOptions): Promise<void> {
  try {
    await options.writeReports(options.folder.path)
    options.progress({ kind: 'reports-written', folder: options.folder.reportFolder })
  } catch (error) {
    options.progress({ kind: 'warning', text: `the reports were not written: ${messageOf(error)}` })
  }
}

function positionOf(
  plan: Plan,
  trial: PlannedTrial,
  attempt: number,
  records: readonly TrialRecord[],
): TrialPosition {
  const { id, index, toolchain, workload, factors, block } = trial
  return {
    id,
    number: index + 1,
    total: plan.order.length,
    toolchain,
    workload,
    factors,
    block,
    blocks: plan.experiment.repetitions,
    attempt,
    counts: countVerdicts(finalRecords(records)),
    etaMs: estimateRemainingMs(plan, records),
  }
}

function countVerdicts(records: readonly TrialRecord[]): Partial<Record<Verdict, number>> {
  const counts = verdicts.map((verdict) => {
    return [verdict, records.filter((record) => record.verdict === verdict).length] as const
  })
  return Object.fromEntries(counts.filter(([, count]) => count > 0))
}
