import { readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, expect } from 'vitest'
import type { RunEvent } from '../../../src/experiments/events.ts'
import { type Plan, planExperiment } from '../../../src/experiments/plan.ts'
import { type RunOutcome, resumeExperiment, runExperiment } from '../../../src/experiments/runner.ts'
import { readRecords } from '../../../src/results/journal.ts'
import { scratchFolder } from '../../support/scratch-folder.ts'
import { createWorld, experiment, resolvedTestbed, type WorldOptions, workloads } from './fakes.ts'

export const plan: Plan = planExperiment({
  experiment: experiment(),
  testbed: resolvedTestbed,
  workloads,
  drawSeed: () => 1,
  now: new Date(0),
})
export const total = plan.order.length

interface Session {
  readonly calls: string[]
  readonly events: RunEvent[]
  readonly outcome: Promise<RunOutcome>
}

interface SessionOptions extends WorldOptions {
  readonly fresh?: boolean
  readonly signal?: AbortSignal
  /** Resumes this folder; without it a new run begins. */
  readonly path?: string
}

/** Runs of the plan; every test of the file that calls this has a results folder of its own. */
export function useSessions() {
  let results = ''
  beforeEach(async () => {
    results = await scratchFolder()
  })
  return {
    results: () => results,
    /** The folder of the only run there is. */
    runPath: async (): Promise<string> => {
      const experimentFolder = join(results, 'quickstart')
      return join(experimentFolder, await readlink(join(experimentFolder, 'latest')))
    },
    session: (options: SessionOptions = {}): Session => {
      const { calls, testbed, toolchains, dependencies } = createWorld(options)
      const events: RunEvent[] = []
      const shared = {
        testbed,
        toolchains,
        dependencies,
        fresh: options.fresh ?? true,
        progress: (event: RunEvent) => events.push(event),
        signal: options.signal ?? new AbortController().signal,
      }
      const { path } = options
      const outcome =
        path === undefined
          ? runExperiment({ ...shared, plan, resultsFolder: results })
          : resumeExperiment({ ...shared, path })
      return { calls, events, outcome }
    },
  }
}

export const deploys = (calls: readonly string[]) => calls.filter((call) => call.startsWith('deploy'))

export async function expectComplete(path: string): Promise<void> {
  const records = await readRecords(join(path, 'trials.jsonl'))
  expect(records.map(({ index }) => index)).toEqual(plan.order.map(({ index }) => index))
  expect(records.map(({ id }) => id)).toEqual(plan.order.map(({ id }) => id))
}
