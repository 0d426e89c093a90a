import { dirname, join, resolve } from 'node:path'
import { loadExperiment } from '../../config/experiment.ts'
import { configurationFile, displayPath, projectFolders } from '../../config/paths.ts'
import type { ProviderName, ResolvedWorkload } from '../../config/resolved.ts'
import { listWorkloads, loadWorkload } from '../../config/workload.ts'
import { TestbedError } from '../../core/errors.ts'
import { drawSeed, realDependencies } from '../../experiments/defaults.ts'
import { parseOnly } from '../../experiments/only.ts'
import { openRun, type Plan, planExperiment } from '../../experiments/plan.ts'
import { dryRun, type RunOutcome, resumeExperiment, runExperiment } from '../../experiments/runner.ts'
import type { SessionOptions } from '../../experiments/session.ts'
import { renderReport } from '../../report/report.ts'
import { takeDown } from '../../testbed/down.ts'
import { statusOf } from '../../testbed/open.ts'
import { cacheFolder } from '../../testbed/state.ts'
import { bringUp, type LoadedTestbed } from '../../testbed/up.ts'
import { toolchains } from '../../toolchains/all.ts'
import { advise, print, printJson } from '../output.ts'
import { describePlan } from '../plan-text.ts'
import { createView, type View } from '../progress.ts'
import type { Session } from '../session.ts'
import { loadWith } from '../testbed-options.ts'
import { terminal } from './report.ts'

interface ResumeOptions {
  readonly install?: boolean
  readonly keep?: boolean
  readonly json?: boolean
  readonly provider?: ProviderName | 'auto'
}

interface RunOptions extends ResumeOptions {
  readonly testbed: string
  readonly with?: string
  readonly out: string
  readonly only?: string
  readonly repetitions?: number
  readonly dryRun?: boolean
}

export async function run(session: Session, options: RunOptions, args: readonly string[]): Promise<number> {
  const loaded = await loadWith(options)
  const plan = await makePlan(args[0] ?? '', options, loaded)
  if (options.dryRun === true) {
    const { estimatedMs } = dryRun(plan)
    if (options.json === true) printJson({ estimatedMs, ...plan })
    else print(describePlan(plan, estimatedMs))
    return 0
  }
  const resultsFolder = resolve(options.out)
  return await withTestbed(session, loaded, options, (sessionOptions) =>
    runExperiment({ ...sessionOptions, plan, resultsFolder }),
  )
}

export async function resume(
  session: Session,
  options: ResumeOptions,
  args: readonly string[],
): Promise<number> {
  const path = resolve(args[0] ?? '.')
  const { plan } = await openRun(path)
  const fault = (pointer: readonly (string | number)[], message: string, hint?: string) =>
    new TestbedError('configuration', message, {
      where: `${plan.testbed.file} (${pointer.join('.')})`,
      ...(hint === undefined ? {} : { hint }),
    })
  return await withTestbed(session, { value: plan.testbed, fault }, options, (sessionOptions) =>
    resumeExperiment({ ...sessionOptions, path }),
  )
}

async function makePlan(argument: string, options: RunOptions, loaded: LoadedTestbed): Promise<Plan> {
  const folders = await workloadFolders(configurationFile(argument, projectFolders.experiments))
  const known = { toolchains: toolchains.map(({ name }) => name), workloads: [...folders.keys()] }
  const { value: experiment } = await loadExperiment(argument, known)
  const used = new Set([
    ...experiment.axes.flatMap((axis) => (axis.name === 'workload' ? axis.values : [])),
    ...experiment.include.flatMap((cell) => cell.workload ?? []),
  ])
  const workloads: ResolvedWorkload[] = []
  for (const [name, folder] of folders) if (used.has(name)) workloads.push((await loadWorkload(folder)).value)
  return planExperiment({
    experiment,
    testbed: loaded.value,
    workloads,
    drawSeed,
    now: new Date(),
    ...(options.only === undefined ? {} : { only: parseOnly(options.only) }),
    ...(options.repetitions === undefined ? {} : { repetitions: options.repetitions }),
  })
}

/** Workloads of the project, and those in `workloads/` beside the experiment's file, which win. */
async function workloadFolders(experimentFile: string): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const root of [projectFolders.workloads, join(dirname(experimentFile), 'workloads')]) {
    const names = await listWorkloads(root).catch(() => [])
    for (const name of names) found.set(name, join(root, name))
  }
  return found
}

/** Brings the testbed up unless it is, runs, prints the comparison, and takes down what it brought up. */
async function withTestbed(
  { signal }: Session,
  loaded: LoadedTestbed,
  options: ResumeOptions,
  execute: (options: SessionOptions) => Promise<RunOutcome>,
): Promise<number> {
  const { name, hosts } = loaded.value
  const fresh = (await statusOf(name)).state === 'down'
  const view = await createView(hosts.map((host) => host.name))
  const outcome = await view.during(async () => {
    try {
      return await onTestbed(loaded, options, view, signal, (testbed) =>
        execute({
          testbed,
          toolchains,
          fresh,
          dependencies: realDependencies(cacheFolder()),
          progress: view.progress,
          signal,
        }),
      )
    } finally {
      if (fresh && options.keep !== true)
        await takeDown(name, { provider: loaded.value.provider, progress: view.progress })
    }
  })
  const { folder } = outcome
  if (options.json === true) print(await renderReport(folder.path, 'json', terminal()))
  else print(await renderReport(folder.path, 'table', terminal()))
  if (!fresh || options.keep === true) advise(`testbed ${name} is still up: testbed down removes it`)
  advise(`report  ${displayPath(folder.reportFolder)}`)
  return outcome.exitCode
}

async function onTestbed<Result>(
  loaded: LoadedTestbed,
  options: ResumeOptions,
  view: View,
  signal: AbortSignal,
  use: (testbed: SessionOptions['testbed']) => Promise<Result>,
): Promise<Result> {
  const { provider, install } = options
  const testbed = await bringUp(loaded, {
    measure: true,
    progress: view.progress,
    signal,
    ...(provider === undefined ? {} : { provider }),
    ...(install === undefined ? {} : { install }),
  })
  try {
    return await use(testbed)
  } finally {
    await testbed.close()
  }
}
