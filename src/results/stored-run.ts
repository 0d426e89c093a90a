import { readFile, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf, TestbedError } from '../core/errors.ts'
import { hasCode, isObject } from './guards.ts'
import { readRecords } from './journal.ts'
import type { TrialRecord } from './record.ts'
import { type RunEnvironment, type RunFolder, type RunPlan, runFolderAt } from './run-folder.ts'

/** A run as read back from its folder. */
export interface StoredRun {
  readonly folder: RunFolder
  readonly plan: RunPlan
  readonly environment: RunEnvironment
  /** Every attempt, as written. */
  readonly records: readonly TrialRecord[]
}

/** Throws a TestbedError when the folder is not a run or its plan is damaged. */
export async function readPlan(folder: RunFolder): Promise<RunPlan> {
  const plan = await readJson(folder.planFile)
  if (plan === undefined) throw await notARun(folder)
  if (!isPlan(plan)) {
    throw new TestbedError('configuration', 'not the plan of a run', {
      where: folder.planFile,
      why: ['hash, seed, experiment.name, experiment.axes and order belong into it'],
      hint: 'name a folder that `testbed run` made',
    })
  }
  return plan
}

/** Empty when the run was killed before its environment was written. Throws a TestbedError when it is damaged. */
export async function readEnvironment(folder: RunFolder): Promise<RunEnvironment> {
  const environment = (await readJson(folder.environmentFile)) ?? {}
  if (isEnvironment(environment)) return environment
  throw new TestbedError('configuration', 'not the environment of a run', {
    where: folder.environmentFile,
    why: ['an object is expected, with text for provider and accelerator'],
  })
}

/** Reads a whole run; `path` may be a link such as `latest`. Throws a TestbedError for what is not a run. */
export async function readRun(path: string): Promise<StoredRun> {
  const folder = runFolderAt(await realpath(path).catch(() => path))
  const plan = await readPlan(folder)
  const [environment, records] = await Promise.all([readEnvironment(folder), readRecords(folder.journalFile)])
  return { folder, plan, environment, records }
}

async function readJson(file: string): Promise<unknown> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR')) return undefined
    throw error
  }
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new TestbedError('configuration', 'not JSON', {
      where: file,
      why: [messageOf(error)],
      cause: error,
    })
  }
}

async function notARun(folder: RunFolder): Promise<TestbedError> {
  const found = await stat(folder.path).catch(() => undefined)
  const latest = await stat(join(folder.path, 'latest')).catch(() => undefined)
  return new TestbedError('configuration', 'not a run folder', {
    where: folder.path,
    why: [found === undefined ? 'there is no such folder' : 'it holds no plan.json'],
    hint:
      latest === undefined
        ? 'name a folder that `testbed run` made, such as results/quickstart/latest'
        : `did you mean ${join(folder.path, 'latest')}`,
  })
}

function isEnvironment(value: unknown): value is RunEnvironment {
  const isText = (part: unknown) => part === undefined || typeof part === 'string'
  return isObject(value) && isText(value.provider) && isText(value.accelerator)
}

function isPlan(value: unknown): value is RunPlan {
  return (
    isObject(value) &&
    typeof value.hash === 'string' &&
    typeof value.seed === 'number' &&
    Array.isArray(value.order) &&
    isObject(value.experiment) &&
    typeof value.experiment.name === 'string' &&
    Array.isArray(value.experiment.axes) &&
    value.experiment.axes.every(
      (axis) => isObject(axis) && typeof axis.name === 'string' && Array.isArray(axis.values),
    )
  )
}
