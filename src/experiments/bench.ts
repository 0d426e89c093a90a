import type { HostName, ResolvedWorkload } from '../config/resolved.ts'
import { TestbedError } from '../core/errors.ts'
import type { Host } from '../hosts/host.ts'
import type { RunningTestbed } from '../testbed/running.ts'
import type { Toolchain, TrialContext } from '../toolchains/toolchain.ts'
import type { WorkloadImage } from '../workloads/image.ts'
import type { CleanCheck } from './clean-state.ts'
import type { TrialDependencies } from './dependencies.ts'
import type { PlannedTrial } from './order.ts'
import type { Plan } from './plan.ts'
import { patienceOf } from './settings.ts'
import type { TrialFolder } from './trial-folder.ts'

/** What all trials of a session share. */
export interface TrialBench {
  readonly plan: Plan
  readonly testbed: RunningTestbed
  /** Whether an emulator runs the hosts, many times slower than the machine. */
  readonly emulated: boolean
  /** By name, all that the plan uses. */
  readonly toolchains: ReadonlyMap<string, Toolchain>
  /** By the workload's name; loaded on every host. */
  readonly images: ReadonlyMap<string, WorkloadImage>
  readonly cleanCheck: CleanCheck
  /** Freshly provisioned hosts in place of those, with the images loaded. @throws TestbedError (testbed) when that fails. */
  resetHosts(names: readonly HostName[], signal: AbortSignal): Promise<void>
  readonly dependencies: TrialDependencies
}

export function trialContext(
  bench: TrialBench,
  trial: PlannedTrial,
  folder: TrialFolder,
  signal: AbortSignal,
): TrialContext {
  const [source, destination] = endsOf(bench.testbed)
  const workload = workloadOf(bench.plan, trial)
  const image = bench.images.get(trial.workload)
  if (image === undefined) throw new Error(`no image of ${trial.workload} was prepared`)
  const { powerOff } = bench.testbed
  const { workloadAddress, workloadMac } = bench.testbed.testbed.networks.service
  return {
    trial: trial.id,
    source,
    destination,
    workload,
    image,
    service: { address: workloadAddress, mac: workloadMac, port: workload.port },
    factors: trial.factors,
    folder: folder.path,
    patience: patienceOf(bench),
    clock: bench.dependencies.clock,
    signal,
    ...(powerOff === undefined ? {} : { powerOff: ({ name }) => powerOff(name) }),
  }
}

/** Trials go from the first host to the second. Asked for anew each time: a reset replaces the hosts. */
export function endsOf(testbed: RunningTestbed): readonly [Host, Host] {
  const [source, destination] = testbed.hosts
  if (source !== undefined && destination !== undefined) return [source, destination]
  throw new TestbedError('testbed', 'a migration needs two hosts', {
    where: `testbed ${testbed.testbed.name}`,
    why: [`${testbed.hosts.length} is up`],
    hint: 'run `testbed up`',
  })
}

export function workloadOf(plan: Plan, trial: PlannedTrial): ResolvedWorkload {
  const workload = plan.workloads.find(({ name }) => name === trial.workload)
  if (workload === undefined) throw new Error(`the plan does not hold workload ${trial.workload}`)
  return workload
}

export function toolchainOf(bench: TrialBench, name: string): Toolchain {
  const toolchain = bench.toolchains.get(name)
  if (toolchain === undefined) throw new Error(`toolchain ${name} is not on the bench`)
  return toolchain
}
