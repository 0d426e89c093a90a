import { type RunEnvironment, type RunFolder, writeEnvironment } from '../results/run-folder.ts'
import { readEnvironment } from '../results/stored-run.ts'

/** What must stay the same for the trials of one run to be comparable, and how to call it. */
const decisive = {
  provider: 'the provider',
  accelerator: 'the accelerator',
  tool: 'the version of this tool',
  images: 'an image of a workload',
} as const

/**
 * Writes `environment.json`, or adds to it as one of `resumed`: the first session's stays what it was. Answers in
 * words what has changed since the run began and makes its trials hard to compare.
 */
export async function recordEnvironment(folder: RunFolder, now: RunEnvironment): Promise<string[]> {
  const first = await readEnvironment(folder)
  if (Object.keys(first).length === 0) {
    await writeEnvironment(folder, now)
    return []
  }
  const resumed = Array.isArray(first.resumed) ? first.resumed : []
  await writeEnvironment(folder, { ...first, resumed: [...resumed, now] })
  return Object.entries(decisive)
    .filter(([key]) => JSON.stringify(first[key]) !== JSON.stringify(now[key]))
    .map(([, name]) => `${name} is not what it was when the run began`)
}
