import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { projectFolders } from '../../src/config/paths.ts'
import { loadTestbed } from '../../src/config/testbed.ts'
import { loadWorkload } from '../../src/config/workload.ts'
import { formatError } from '../../src/core/errors.ts'
import { systemClock } from '../../src/core/time.ts'
import { realDependencies } from '../../src/experiments/defaults.ts'
import type { RunDependencies } from '../../src/experiments/dependencies.ts'
import { takeDown } from '../../src/testbed/down.ts'
import { cacheFolder } from '../../src/testbed/state.ts'
import { bringUp } from '../../src/testbed/up.ts'
import type { TrialContext } from '../../src/toolchains/toolchain.ts'

const progress = () => {}

export const tell = (text: string) => process.stderr.write(`${text}\n`)

/** What a bench works with, for as long as its two hosts are up. */
export interface Bench {
  readonly dependencies: RunDependencies
  /** What a trial of that workload is given; the workload's image is made, and on no host yet. */
  trialOf(workload: string): Promise<TrialContext>
}

/** Brings two hosts up, measures on them, and leaves nothing. A failure is told, and the exit code is then 1. */
export async function runBench(measure: (bench: Bench) => Promise<void>): Promise<void> {
  const controller = new AbortController()
  process.once('SIGINT', () => controller.abort(new Error('interrupted')))
  const { signal } = controller
  const folder = await mkdtemp(join(tmpdir(), 'migration-testbed-bench-'))
  const loaded = await loadTestbed(join(import.meta.dirname, 'testbed.yaml'))
  const { name, provider, networks } = loaded.value
  try {
    const testbed = await bringUp(loaded, { progress, signal })
    try {
      const [source, destination] = testbed.hosts
      if (source === undefined || destination === undefined) throw new Error('the bench needs two hosts')
      const dependencies = realDependencies(cacheFolder())
      const trialOf = async (workloadName: string): Promise<TrialContext> => {
        const { value: workload } = await loadWorkload(join(projectFolders.workloads, workloadName))
        const image = await dependencies.prepareImage(workload, { progress, signal })
        const { workloadAddress, workloadMac } = networks.service
        const service = { address: workloadAddress, mac: workloadMac, port: workload.port }
        const here = { source, destination, workload, image, service, folder, signal }
        return { ...here, trial: 'bench', factors: {}, patience: 1, clock: systemClock }
      }
      await measure({ dependencies, trialOf })
    } finally {
      await testbed.close()
    }
  } catch (error) {
    tell(formatError(error))
    process.exitCode = 1
  } finally {
    await takeDown(name, { provider, progress })
    await rm(folder, { recursive: true, force: true })
  }
}
