import { createHash } from 'node:crypto'
import { realpath } from 'node:fs/promises'
import type { ResolvedExperiment, ResolvedTestbed, ResolvedWorkload } from '../config/resolved.ts'
import { TestbedError } from '../core/errors.ts'
import { readRecords } from '../results/journal.ts'
import type { TrialRecord } from '../results/record.ts'
import { type RunFolder, type RunPlan, runFolderAt } from '../results/run-folder.ts'
import { readPlan } from '../results/stored-run.ts'
import { matrixCells } from './matrix.ts'
import { type Only, selectCells } from './only.ts'
import { orderTrials, type PlannedTrial } from './order.ts'

/** `plan.json`: everything that decides what is run, fixed before the first trial; schemas/plan.schema.json. */
export interface Plan extends RunPlan {
  readonly version: 1
  /** SHA-256 over all but itself and `createdAt`. */
  readonly hash: string
  readonly createdAt: string
  /** Of the order of trials and of every value that a workload is filled with. */
  readonly seed: number
  readonly experiment: ResolvedExperiment
  readonly testbed: ResolvedTestbed
  /** Those that the plan uses. */
  readonly workloads: readonly ResolvedWorkload[]
  /** Those that the plan uses, in the order of the table; the first is what the others are compared to. */
  readonly toolchains: readonly string[]
  /** When only a part of the matrix was asked for. */
  readonly only?: Only
  readonly order: readonly PlannedTrial[]
}

export interface PlanOptions {
  readonly experiment: ResolvedExperiment
  readonly testbed: ResolvedTestbed
  /** At least those that the experiment names. */
  readonly workloads: readonly ResolvedWorkload[]
  readonly only?: Only
  /** In the place of the experiment's own. */
  readonly repetitions?: number
  /** A whole number; asked only when the experiment gives no seed. */
  readonly drawSeed: () => number
  readonly now: Date
}

/** @throws TestbedError (configuration) when the cells cannot be made of what is given. */
export function planExperiment(options: PlanOptions): Plan {
  const { testbed, only } = options
  const repetitions = options.repetitions ?? options.experiment.repetitions
  if (!Number.isSafeInteger(repetitions) || repetitions < 1) {
    throw new TestbedError('configuration', `${repetitions} repetitions cannot be run`, {
      where: '--repetitions',
      hint: 'give a whole number from 1',
    })
  }
  const seed = options.experiment.seed ?? options.drawSeed()
  const experiment = { ...options.experiment, repetitions, seed }
  const all = matrixCells(experiment)
  const cells = only === undefined ? all : selectCells(all, only)
  const content = {
    version: 1 as const,
    seed,
    experiment,
    testbed,
    workloads: [...new Set(cells.map((cell) => cell.workload))].map((name) => workloadNamed(options, name)),
    toolchains: [...new Set(cells.map((cell) => cell.toolchain))],
    ...(only === undefined ? {} : { only }),
    order: orderTrials(cells, repetitions, seed),
  }
  return { ...content, hash: hashOf(content), createdAt: options.now.toISOString() }
}

/** A run as `resume` finds it. */
export interface OpenedRun {
  readonly folder: RunFolder
  readonly plan: Plan
  /** Of every trial that has ended. */
  readonly records: readonly TrialRecord[]
}

/**
 * Reads plan and journal of a run and checks that they belong together.
 * @throws TestbedError (configuration) when the folder is not a run, its plan was edited or its journal is another's.
 */
export async function openRun(path: string): Promise<OpenedRun> {
  // `latest` is a link: the lock and what is printed belong to the folder itself.
  const folder = runFolderAt(await realpath(path).catch(() => path))
  const plan = checkedPlan(await readPlan(folder), folder.planFile)
  const records = await readRecords(folder.journalFile)
  const foreign = records.find((record) => plan.order[record.index]?.id !== record.id)
  if (foreign === undefined) return { folder, plan, records }
  throw new TestbedError('configuration', 'the journal holds a trial that the plan does not', {
    where: folder.journalFile,
    why: [`${foreign.id} at position ${foreign.index}`],
    hint: 'begin a new run',
  })
}

function checkedPlan(stored: RunPlan, where: string): Plan {
  const plan = stored as Plan
  if (plan.version !== 1) {
    throw new TestbedError('configuration', `a plan of version ${JSON.stringify(plan.version)}`, {
      where,
      why: ['known is version 1'],
      hint: 'resume it with the version of the tool that made it; environment.json names it',
    })
  }
  // Whatever has the hash is what planExperiment wrote, to the letter.
  const { hash, createdAt, ...content } = plan
  if (hashOf(content) === hash) return plan
  throw new TestbedError('configuration', 'the plan was changed after the run began', {
    where,
    why: [`made ${createdAt}; its hash is no longer the one that it names`],
    hint: 'trials under two plans cannot be compared: begin a new run',
  })
}

function workloadNamed(options: PlanOptions, name: string): ResolvedWorkload {
  const workload = options.workloads.find((candidate) => candidate.name === name)
  if (workload !== undefined) return workload
  throw new TestbedError('configuration', `unknown workload: ${name}`, {
    where: options.experiment.file,
    why: [`known are ${options.workloads.map((candidate) => candidate.name).join(', ')}`],
  })
}

function hashOf(content: Omit<Plan, 'hash' | 'createdAt'>): string {
  return createHash('sha256').update(canonicalJson(content)).digest('hex')
}

/** JSON with sorted keys: the same text for the same content. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )
}
