import { join } from 'node:path'
import { type Clock, millisecondsBetween } from '../core/time.ts'
import type { ProbeOptions, ProbeSession, Recording } from '../probes/session.ts'
import type { Phase } from '../results/record.ts'
import { createTimeline, type Timeline } from '../toolchains/timeline.ts'
import type { Migration, Toolchain, TrialContext } from '../toolchains/toolchain.ts'
import type { StateWriter } from '../workloads/writer.ts'
import { withDeadline } from './deadline.ts'
import type { StateJudgement, TrialDependencies } from './dependencies.ts'
import type { Observation, TrialMarks } from './observation.ts'
import type { TrialSettings } from './settings.ts'
import { createSteps, type StepTimes, type TrialStep } from './steps.ts'

/** What is known of a trial once it has run, however far it came. */
export interface Attempt {
  /** Absent when all went well. */
  readonly failure?: AttemptFailure
  /** There when all went well. */
  readonly outcome?: AttemptOutcome
  /** There whenever the probes could be stopped, also after a failure. */
  readonly recording?: Recording
  /** Those that were reached. */
  readonly marks: Partial<TrialMarks>
  readonly steps: readonly StepTimes[]
  readonly phases: readonly Phase[]
}

interface AttemptFailure {
  readonly step: TrialStep
  /** Of the toolchain, within `migrate`. */
  readonly phase?: string
  readonly error: unknown
  /** Whether the trial was told to stop before the step threw. */
  readonly aborted: boolean
  /** Whether the workload answered after a migration that failed: it may go on where it was. */
  readonly answers?: boolean
}

export interface AttemptOutcome {
  readonly migration: Migration
  /** What the mechanism itself told. */
  readonly figures: { readonly frozenMs?: number }
  readonly observation: Observation
  readonly state: StateJudgement
}

export interface AttemptOptions {
  readonly toolchain: Toolchain
  /** Its signal is the trial's: aborted at the deadline and when the run is interrupted. */
  readonly context: TrialContext
  readonly settings: TrialSettings
  readonly seed: number
  /** From 1. */
  readonly attempt: number
  readonly dependencies: TrialDependencies
  readonly onStep: (step: TrialStep) => void
}

const stopProbesDeadlineMs = 90_000
const stillServesWithinMs = 5000

/**
 * Deploys, measures, migrates, measures, verifies. Never throws: the failure of a step is part of the answer. Cleaning
 * up is the caller's.
 */
export async function attemptTrial(options: AttemptOptions): Promise<Attempt> {
  const { toolchain, context, settings, seed, dependencies } = options
  const { clock, workload, signal } = context
  const address = { host: context.service.address, port: context.service.port }
  const probe: ProbeOptions = {
    target: address,
    spec: workload.probe,
    ratePerSecond: settings.ratePerSecond,
    timeoutMs: settings.timeoutMs,
    samplesFile: join(context.folder, 'samples.ndjson.gz'),
  }
  const token = `${context.trial} ${options.attempt}`
  const steps = createSteps(clock, signal, options.onStep)
  const marks: { -readonly [Name in keyof TrialMarks]?: bigint } = {}
  const mark = (name: keyof TrialMarks, stamp = clock.monotonicNs()): bigint => {
    marks[name] = stamp
    return stamp
  }
  const untilAnswering = () =>
    dependencies.waitUntilAnswering(
      address,
      workload.probe,
      workload.readyTimeoutMs * context.patience,
      signal,
    )
  // Not the trial's signal: after the deadline the samples are still wanted. It ends the probes when all is over.
  const probing = new AbortController()
  const stopProbes = (session: ProbeSession): Promise<Recording> => {
    const limits = { what: 'stopping the probes', ms: stopProbesDeadlineMs, signal: probing.signal }
    return withDeadline(clock, limits, () => session.stop())
  }

  let timeline: Timeline | undefined
  let session: ProbeSession | undefined
  let recording: Recording | undefined
  let writer: StateWriter | undefined
  const known = () => ({
    ...(recording === undefined ? {} : { recording }),
    marks,
    steps: steps.times,
    phases: timeline?.phases ?? [],
  })
  try {
    const deployment = await steps.run('deploy', () => toolchain.deploy(context))
    await steps.run('ready', untilAnswering)
    const size = settings.stateBytes === undefined ? {} : { sizeBytes: settings.stateBytes }
    await steps.run('fill', () => dependencies.fillState(workload, address, { ...size, seed, signal }))
    const { link, dirtyBytesPerSecond } = settings
    const ends = [context.source, context.destination]
    // After the filling, which nobody measures: on a slow link it would take the deadline up.
    if (link !== undefined) await steps.run('link', () => dependencies.links.set(ends, link, signal))
    if (dirtyBytesPerSecond !== undefined) {
      const rate = { ...size, seed, bytesPerSecond: dirtyBytesPerSecond }
      writer = await steps.run('write', () =>
        dependencies.startWriter(workload, address, { ...rate, clock, signal: probing.signal }),
      )
    }
    const probes = await steps.run('probe', () => dependencies.startProbes(probe, probing.signal))
    session = probes

    await steps.run('warm-up', () => clock.sleep(settings.warmUpMs, signal))
    const baselineStart = mark('baselineStart')
    await steps.run('baseline', () => clock.sleep(settings.baselineMs, signal))
    const baselineEnd = mark('baselineEnd')
    const proof = await steps.run('evidence', () =>
      dependencies.takeEvidence(workload, deployment, { token, signal }),
    )

    const atRate = writer
    if (atRate !== undefined) await steps.run('write', async () => atRate.check())

    const migrateStart = mark('migrateStart')
    const phases = createTimeline(clock, migrateStart)
    timeline = phases
    const migration = await steps.run('migrate', () => toolchain.migrate(context, deployment, phases))
    const migrateEnd = mark('migrateEnd')
    await steps.run('answer', untilAnswering)
    const stagedMs = phases.phases.findLast(({ name }) => name === 'stage')?.endMs ?? 0
    const outageMs = millisecondsBetween(migrateStart, clock.monotonicNs()) - stagedMs
    await steps.run('settle', async () => {
      if (toolchain.keeps.connections) await untilTried(clock, probes, outageMs, signal)
      await clock.sleep(settings.settleMs, signal)
    })
    recording = await steps.run('record', () => stopProbes(probes))
    const end = mark('end', recording.end)
    await writer?.stop() // what the oracles read is no longer written to
    if (link !== undefined) {
      await steps.run('unlink', async () => {
        await dependencies.links.check(ends, link, signal)
        await dependencies.links.clear(ends, signal)
      })
    }

    const allMarks = { baselineStart, baselineEnd, migrateStart, migrateEnd, end }
    const observation = dependencies.observe(recording, allMarks, probe)
    const state = await steps.run('verify', () =>
      proof.judge(migration.deployment, observation.continuity, signal),
    )
    const figures = await steps.run('figures', async () => (await migration.figures?.()) ?? {})
    return { outcome: { migration, figures, observation, state }, ...known() }
  } catch (error) {
    const phase = steps.current === 'migrate' ? timeline?.failedPhase : undefined
    const { aborted } = signal
    const { current: step } = steps
    const answers =
      step === 'migrate' && !aborted
        ? await dependencies
            .waitUntilAnswering(address, workload.probe, stillServesWithinMs * context.patience, signal)
            .then(() => true)
            .catch(() => false)
        : undefined
    const failure = {
      step,
      ...(phase === undefined ? {} : { phase }),
      error,
      aborted,
      ...(answers === undefined ? {} : { answers }),
    }
    // What the clients saw of a failure is on record too; that this fails as well would add nothing.
    if (session !== undefined) recording ??= await stopProbes(session).catch(() => undefined)
    return { failure, ...known() }
  } finally {
    probing.abort() // the writer with them
  }
}

/**
 * Waits until the kept connection is answered or dead. It is seen to live only when the client's TCP sends again, and its
 * timer doubles: after an outage the next time may be as far away as the outage was long (RFC 6298, section 5.5). One that
 * stays silent for longer is not waited for.
 */
async function untilTried(
  clock: Clock,
  probes: ProbeSession,
  outageMs: number,
  signal: AbortSignal,
): Promise<void> {
  const enough = new AbortController()
  const either = AbortSignal.any([signal, enough.signal])
  const late = clock.sleep(outageMs * 1.25 + 500, either).catch((error: unknown) => {
    if (signal.aborted) throw error
  })
  await Promise.race([probes.connectionTold(), late]).finally(() => enough.abort())
}
