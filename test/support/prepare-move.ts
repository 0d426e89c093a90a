import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { projectFolders } from '../../src/config/paths.ts'
import type { ResolvedWorkload } from '../../src/config/resolved.ts'
import { loadWorkload } from '../../src/config/workload.ts'
import { systemClock } from '../../src/core/time.ts'
import { realDependencies } from '../../src/experiments/defaults.ts'
import type { RunDependencies } from '../../src/experiments/dependencies.ts'
import type { Host } from '../../src/hosts/host.ts'
import { cacheFolder } from '../../src/testbed/state.ts'
import { toolchains } from '../../src/toolchains/all.ts'
import type { Toolchain, TrialContext } from '../../src/toolchains/toolchain.ts'
import type { TestbedHere } from './running-testbed.ts'

const never = new AbortController().signal

export interface PreparedMove {
  readonly toolchain: Toolchain
  readonly workload: ResolvedWorkload
  readonly dependencies: RunDependencies
  /** Of the service, while it is there. */
  readonly address: string
  readonly hosts: readonly [Host, Host]
  context(source: Host, destination: Host): TrialContext
  /** Resolves once it answers. */
  answers(): Promise<unknown>
}

/** A toolchain and a workload of the project, ready on both hosts of a testbed to be deployed and moved. */
export async function prepareMove(testbed: TestbedHere, name: string, of: string): Promise<PreparedMove> {
  const toolchain = toolchains.find((one) => one.name === name)
  const [first, second] = testbed.running.hosts
  if (toolchain === undefined || first === undefined || second === undefined) throw new Error(`no ${name}`)
  const { value: workload } = await loadWorkload(path.join(projectFolders.workloads, of))
  const dependencies = realDependencies(cacheFolder())
  const image = await dependencies.prepareImage(workload, { progress: () => undefined, signal: never })
  for (const host of [first, second]) {
    const { prepare = dependencies.loadImage } = toolchain
    await prepare(host, image, never)
  }
  const folder = path.join(testbed.folder.path, `${name}-${of}`)
  await mkdir(folder, { recursive: true })
  const { workloadAddress, workloadMac } = (await testbed.folder.resolved()).networks.service
  const service = { address: workloadAddress, mac: workloadMac, port: workload.port }
  const common = { trial: 'moves', workload, image, service, factors: {}, folder, patience: 1 }
  return {
    toolchain,
    workload,
    dependencies,
    address: workloadAddress,
    hosts: [first, second],
    context: (source, destination) => ({ ...common, source, destination, clock: systemClock, signal: never }),
    answers: () => {
      const target = { host: workloadAddress, port: workload.port }
      return dependencies.waitUntilAnswering(target, workload.probe, workload.readyTimeoutMs, never)
    },
  }
}
