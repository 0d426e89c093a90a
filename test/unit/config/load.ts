import { readdirSync } from 'node:fs'
import path from 'node:path'
import type { Loaded } from '../../../src/config/document.ts'
import { loadExperiment } from '../../../src/config/experiment.ts'
import { packageRoot } from '../../../src/config/paths.ts'
import { loadTestbed } from '../../../src/config/testbed.ts'
import { loadWorkload } from '../../../src/config/workload.ts'
import { formatError } from '../../../src/core/errors.ts'
import { toolchains } from '../../../src/toolchains/all.ts'

export const knownNames = {
  toolchains: toolchains.map(({ name }) => name),
  workloads: ['counter', 'redis'],
}
export const testdata = path.join(packageRoot, 'test', 'testdata')

/** Loads a file of test/testdata by the kind that its name begins with: `testbed-tab.yaml`, `workload-outside/`. */
export function loadByName(file: string): Promise<Loaded<unknown>> {
  const name = path.basename(file)
  if (name.startsWith('testbed')) return loadTestbed(file)
  if (name.startsWith('experiment')) return loadExperiment(file, knownNames)
  return loadWorkload(file)
}

/** The whole error as the command line shows it. */
export async function errorText(load: Promise<unknown>): Promise<string> {
  return load.then(() => 'loaded without an error', formatError)
}

/** Entries of a folder that are one document each, sorted. */
export function documentsIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() || entry.name.endsWith('.yaml'))
    .map((entry) => path.join(folder, entry.name))
    .sort()
}
