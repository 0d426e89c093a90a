import type { TrialBench } from '../../../src/experiments/bench.ts'
import type { PlannedTrial } from '../../../src/experiments/order.ts'
import { planExperiment } from '../../../src/experiments/plan.ts'
import { runTrial } from '../../../src/experiments/trial.ts'
import type { TrialRecord } from '../../../src/results/record.ts'
import { scratchFolder } from '../../support/scratch-folder.ts'
import {
  createWorld,
  experiment,
  resolvedTestbed,
  type World,
  type WorldOptions,
  workloads,
} from './fakes.ts'

const previous: PlannedTrial = {
  id: '006-b2-counter-docker-commit',
  index: 5,
  block: 2,
  toolchain: 'docker-commit',
  workload: 'counter',
  factors: {},
}
export const trial: PlannedTrial = {
  id: '007-b2-redis-docker-checkpoint',
  index: 6,
  block: 2,
  toolchain: 'docker-checkpoint',
  workload: 'redis',
  factors: { stateSize: '8MiB', probeRate: '100/s' },
}

interface TrialRun {
  readonly planned?: PlannedTrial
  readonly signal?: AbortSignal
  /** Of the trial; without it one that nobody looks into. */
  readonly folder?: string
}

export async function runIn(world: World, options: TrialRun = {}): Promise<TrialRecord> {
  const { planned = trial, signal = new AbortController().signal, folder = await scratchFolder() } = options
  const plan = planExperiment({
    experiment: experiment(),
    testbed: resolvedTestbed,
    workloads,
    drawSeed: () => 1,
    now: new Date(0),
  })
  const cleanCheck = await world.dependencies.takeBaseline(world.testbed.hosts, signal)
  world.calls.length = 0
  const bench: TrialBench = {
    plan,
    testbed: world.testbed,
    emulated: false,
    toolchains: new Map(world.toolchains.map((toolchain) => [toolchain.name, toolchain])),
    images: new Map(
      ['counter', 'redis'].map((name) => [
        name,
        { id: `sha256:${name}`, name, archive: `/cache/${name}.tar`, bytes: 1 },
      ]),
    ),
    cleanCheck,
    resetHosts: (names, within) => world.testbed.reset(names, within),
    dependencies: world.dependencies,
  }
  return await runTrial(bench, planned, {
    folder: { path: folder, attempt: 2 },
    previous,
    onStep: () => undefined,
    signal,
  })
}

export function run(options: WorldOptions = {}): { world: World; record: Promise<TrialRecord> } {
  const world = createWorld(options)
  return { world, record: runIn(world) }
}

/** Everything that a good trial does. */
export const wholeTrial = [
  'check clean',
  'deploy docker-checkpoint',
  'wait until answering',
  'fill redis 8388608',
  'start probes 100/s',
  'sleep 500',
  'sleep 2000',
  'take evidence',
  'checkpoint',
  'restore',
  'wait until answering',
  'sleep 1500',
  'stop probes',
  'judge state',
  'remove docker-checkpoint of 007',
]
