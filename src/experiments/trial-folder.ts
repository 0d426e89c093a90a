import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import type { Phase } from '../results/record.ts'
import { type RunFolder, trialFolderOf } from '../results/run-folder.ts'
import type { TrialMarks } from './observation.ts'
import type { StepTimes } from './steps.ts'

/** There from the moment a trial begins: without a record it tells of a trial that was cut off. */
const startedFile = 'started.json'

export interface TrialFolder {
  readonly path: string
  /** From 1. */
  readonly attempt: number
}

/** Makes the empty folder of a trial that begins now; what an attempt that was cut off left in it is removed. */
export async function beginTrialFolder(run: RunFolder, trialId: string, now: Date): Promise<TrialFolder> {
  const path = trialFolderOf(run, trialId)
  await mkdir(path, { recursive: true })
  const attempt = (await lastAttempt(path)) + 1
  // Written before the rest is removed, so that a crash in between does not forget the count.
  await writeJson(join(path, startedFile), { attempt, startedAt: now.toISOString() })
  const old = (await readdir(path)).filter((name) => name !== startedFile)
  await Promise.all(old.map((name) => rm(join(path, name), { recursive: true, force: true })))
  return { path, attempt }
}

/** `timeline.json`. The stamps are of the same clock as those in `samples.ndjson.gz`. */
export interface TrialTimeline {
  /** Monotonic nanoseconds; those that were not reached are absent. */
  readonly marks: Partial<TrialMarks>
  /** What the runner did. */
  readonly steps: readonly StepTimes[]
  /** What the toolchain did, from the request to migrate. */
  readonly phases: readonly Phase[]
}

export async function writeTimeline(folder: TrialFolder, timeline: TrialTimeline): Promise<void> {
  const { marks, steps, phases } = timeline
  const stamps = Object.fromEntries(Object.entries(marks).map(([name, stamp]) => [name, String(stamp)]))
  const document = { version: 1, clock: 'CLOCK_MONOTONIC', marksNs: stamps, steps, phases }
  await writeJson(join(folder.path, 'timeline.json'), document)
}

async function lastAttempt(path: string): Promise<number> {
  try {
    const { attempt } = JSON.parse(await readFile(join(path, startedFile), 'utf8')) as { attempt?: unknown }
    return typeof attempt === 'number' ? attempt : 0
  } catch {
    return 0
  }
}

async function writeJson(file: string, value: unknown): Promise<void> {
  await writeFileAtomic(file, `${JSON.stringify(value, undefined, 2)}\n`)
}
