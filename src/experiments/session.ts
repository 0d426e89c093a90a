import { displayPath } from '../config/paths.ts'
import type { HostName } from '../config/resolved.ts'
import { TestbedError } from '../core/errors.ts'
import { step } from '../core/progress.ts'
import { finalRecords } from '../results/journal.ts'
import type { TrialRecord } from '../results/record.ts'
import type { RunningTestbed } from '../testbed/running.ts'
import type { Toolchain } from '../toolchains/toolchain.ts'
import type { WorkloadImage } from '../workloads/image.ts'
import { isEmulated } from './accelerator.ts'
import type { TrialBench } from './bench.ts'
import { withDeadline } from './deadline.ts'
import type { RunDependencies } from './dependencies.ts'
import { recordEnvironment } from './environment-file.ts'
import type { RunProgress } from './events.ts'
import { describeLink } from './link.ts'
import type { OpenedRun, Plan } from './plan.ts'
import { patienceOf } from './settings.ts'
import { runTrials } from './trial-loop.ts'

export interface SessionOptions {
  /** Up, and the one that the plan was made for. */
  readonly testbed: RunningTestbed
  /** All that there are. */
  readonly toolchains: readonly Toolchain[]
  /** The testbed was brought up for this session: nothing can be on its hosts, so they need no reset. */
  readonly fresh?: boolean
  readonly dependencies: RunDependencies
  readonly progress: RunProgress
  /** Aborted once by Ctrl-C: the trial that runs is cleaned up, and the run can be resumed. */
  readonly signal: AbortSignal
}

/** By the workload's name. */
export type Images = ReadonlyMap<string, WorkloadImage>

const resetDeadlineMs = 180_000
const loadDeadlineMs = 600_000

/** Builds or fetches the image of every workload of the plan, one after the other: each uses all of the machine. */
export async function prepareImages(plan: Plan, options: SessionOptions): Promise<Images> {
  const { dependencies, progress, signal } = options
  const images = new Map<string, WorkloadImage>()
  for (const workload of plan.workloads) {
    images.set(workload.name, await dependencies.prepareImage(workload, { progress, signal }))
  }
  return images
}

/**
 * Runs the trials of a run that have no record yet, and answers the records of all.
 * @throws TestbedError that names the command to go on with, whatever stopped it.
 */
export async function runSession(
  options: SessionOptions,
  run: OpenedRun,
  images: () => Promise<Images>,
): Promise<readonly TrialRecord[]> {
  const { plan, folder } = run
  const { dependencies, progress, signal } = options
  const records = finalRecords(run.records)
  const finished = records.length
  progress({
    kind: 'run-started',
    folder: folder.path,
    seed: plan.seed,
    total: plan.order.length,
    finished,
  })
  try {
    const bench = await prepareBench(options, plan, await images())
    const sessionWarnings = await describeEnvironment(options, run, bench)
    const { writeReports } = dependencies
    await runTrials({ bench, folder, records, sessionWarnings, writeReports, progress, signal })
    return finalRecords(records)
  } catch (error) {
    // What has been measured can be looked at; why it stopped matters more than a report that fails.
    if (records.length > finished) await dependencies.writeReports(folder.path).catch(() => undefined)
    throw resumable(error, signal, folder.path, `${records.length} of ${plan.order.length} trials are done`)
  }
}

async function prepareBench(options: SessionOptions, plan: Plan, images: Images): Promise<TrialBench> {
  const { testbed, dependencies, signal } = options
  const patience = patienceOf({ emulated: isEmulated(testbed) })
  const resetHosts = async (names: readonly HostName[], within: AbortSignal): Promise<void> => {
    const what = `reset of ${names.join(' and ')}`
    const limits = { what, ms: resetDeadlineMs * patience, signal: within }
    await step(options.progress, what, () =>
      withDeadline(dependencies.clock, limits, (signal) => testbed.reset(names, signal)),
    )
    await loadImages(options, plan, images, within)
  }
  // An earlier session, or another run, may have been killed and left anything behind.
  if (options.fresh === true) await loadImages(options, plan, images, signal)
  else
    await resetHosts(
      testbed.testbed.hosts.map(({ name }) => name),
      signal,
    )
  return {
    plan,
    testbed,
    emulated: isEmulated(testbed),
    toolchains: new Map(usedToolchains(options, plan).map((toolchain) => [toolchain.name, toolchain])),
    images,
    cleanCheck: await dependencies.takeBaseline(testbed.hosts, signal),
    resetHosts,
    dependencies,
  }
}

function usedToolchains(options: SessionOptions, plan: Plan): readonly Toolchain[] {
  return options.toolchains.filter(({ name }) => plan.toolchains.includes(name))
}

async function loadImages(
  options: SessionOptions,
  plan: Plan,
  images: Images,
  signal: AbortSignal,
): Promise<void> {
  const { testbed, dependencies, progress } = options
  const { loadImage } = dependencies
  // Toolchains of one family prepare a host in the same way.
  const preparations = new Set(usedToolchains(options, plan).map(({ prepare = loadImage }) => prepare))
  const patience = patienceOf({ emulated: isEmulated(testbed) })
  const withVolumes = plan.workloads.some(({ volumes }) => volumes !== undefined)
  const loadAll = async (host: RunningTestbed['hosts'][number], within: AbortSignal) => {
    if (withVolumes) await dependencies.prepareForVolumes(host, within)
    for (const prepare of preparations) {
      // All at once: the engine unpacks each on one processor.
      await Promise.all([...images.values()].map((image) => prepare(host, image, within)))
    }
  }
  await Promise.all(
    testbed.hosts.map((host) => {
      const limits = { what: `loading images on ${host.name}`, ms: loadDeadlineMs * patience, signal }
      const load = () => withDeadline(dependencies.clock, limits, (within) => loadAll(host, within))
      return step(progress, 'load the images', load, { host: host.name })
    }),
  )
}

async function describeEnvironment(
  options: SessionOptions,
  run: OpenedRun,
  bench: TrialBench,
): Promise<string[]> {
  const { dependencies, progress, signal } = options
  const environment = await dependencies.collectEnvironment(bench.testbed, signal)
  const images = Object.fromEntries([...bench.images].map(([name, { id }]) => [name, id]))
  const { link } = run.plan.experiment
  const conditions = link === undefined ? {} : { link: describeLink(link) }
  const warnings = await recordEnvironment(run.folder, { ...environment, ...conditions, images })
  for (const text of warnings) progress({ kind: 'warning', text })
  return warnings
}

/** The same error with how far it came and how to go on; an interruption has a kind of its own. */
function resumable(error: unknown, signal: AbortSignal, path: string, done: string): unknown {
  const again = `testbed resume ${displayPath(path)}`
  if (signal.aborted) return new TestbedError('interrupted', `interrupted: ${done}`, { again })
  if (!(error instanceof TestbedError)) return error
  const why = [...(error.parts.why ?? []), done]
  return new TestbedError(error.kind, error.message, { ...error.parts, why, again, cause: error })
}
