import { mkdir, rename, rm, symlink } from 'node:fs/promises'
import { basename, join } from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import { messageOf, TestbedError } from '../core/errors.ts'
import type { Clock } from '../core/time.ts'
import { hasCode } from './guards.ts'
import type { Random } from './random.ts'

/** Where everything of one run lies; design of the folder: docs/results.md. */
export interface RunFolder {
  readonly path: string
  /** Name of the folder: `2026-11-22T01-04-09-k3f9`. */
  readonly id: string
  readonly planFile: string
  readonly environmentFile: string
  readonly journalFile: string
  readonly trialsFolder: string
  readonly reportFolder: string
}

/** What the results need of `plan.json`; the experiment's planner writes more into it. */
export interface RunPlan {
  readonly hash: string
  readonly seed: number
  readonly experiment: {
    readonly name: string
    /** In the order of the table; the first value of `toolchain` is what the others are compared to. */
    readonly axes: readonly { readonly name: string; readonly values: readonly (string | number)[] }[]
  }
  /** Every planned trial, in the order of running. */
  readonly order: readonly unknown[]
}

/** `environment.json`: these two are shown with every table, the rest is kept as it is. */
export interface RunEnvironment {
  readonly provider?: string
  /** What runs the guests: `kvm`, `tcg`, `none` for namespaces. */
  readonly accelerator?: string
  readonly [key: string]: unknown
}

/** The layout alone; touches nothing. */
export function runFolderAt(path: string): RunFolder {
  return {
    path,
    id: basename(path),
    planFile: join(path, 'plan.json'),
    environmentFile: join(path, 'environment.json'),
    journalFile: join(path, 'trials.jsonl'),
    trialsFolder: join(path, 'trials'),
    reportFolder: join(path, 'report'),
  }
}

/** `trials/<id>/`: timeline, samples and logs of one trial. */
export function trialFolderOf(folder: RunFolder, trialId: string): string {
  return join(folder.trialsFolder, trialId)
}

/**
 * Makes `<resultsFolder>/<experiment>/<timestamp>-<id>/` with its plan, and points `latest` at it. The timestamp is
 * UTC. The plan is there before the link is: whoever follows the link finds a run.
 */
export async function createRunFolder(options: {
  readonly resultsFolder: string
  readonly plan: RunPlan
  readonly clock: Clock
  readonly random: Random
}): Promise<RunFolder> {
  const { plan, clock, random } = options
  const parent = join(options.resultsFolder, plan.experiment.name)
  await mkdir(parent, { recursive: true })
  const folder = await makeUnused(parent, clock.now(), random)
  await mkdir(folder.trialsFolder)
  await writeJson(folder.planFile, plan)
  await pointLatest(parent, folder.id)
  return folder
}

/** Kernels, versions and settings: known only once the testbed is up, so written after the plan. */
export async function writeEnvironment(folder: RunFolder, environment: RunEnvironment): Promise<void> {
  await writeJson(folder.environmentFile, environment)
}

async function makeUnused(parent: string, now: Date, random: Random): Promise<RunFolder> {
  const timestamp = now.toISOString().slice(0, 19).replaceAll(':', '-')
  for (let attempt = 1; ; attempt++) {
    const folder = runFolderAt(join(parent, `${timestamp}-${randomId(random)}`))
    try {
      await mkdir(folder.path)
      return folder
    } catch (error) {
      if (!hasCode(error, 'EEXIST') || attempt === 10) throw error
    }
  }
}

function randomId(random: Random): string {
  const letters = 'abcdefghijklmnopqrstuvwxyz0123456789'
  return Array.from({ length: 4 }, () => letters.charAt(Math.floor(random() * letters.length))).join('')
}

/** Renaming a link over the old one is atomic: `latest` always names a run, never nothing. */
async function pointLatest(parent: string, id: string): Promise<void> {
  const fresh = join(parent, `.latest-${id}`)
  await symlink(id, fresh)
  try {
    await rename(fresh, join(parent, 'latest'))
  } catch (error) {
    await rm(fresh, { force: true })
    throw new TestbedError('configuration', 'cannot point `latest` at the new run', {
      where: join(parent, 'latest'),
      why: [messageOf(error)],
      hint: 'a file or folder of that name is in the way: move it',
      cause: error,
    })
  }
}

async function writeJson(file: string, value: unknown): Promise<void> {
  await writeFileAtomic(file, `${JSON.stringify(value, undefined, 2)}\n`)
}
