import type { ProbeSpec, ResolvedWorkload } from '../config/resolved.ts'
import type { Progress } from '../core/progress.ts'
import type { Clock } from '../core/time.ts'
import type { Host } from '../hosts/host.ts'
import type { ProbeOptions, ProbeSession, Recording } from '../probes/session.ts'
import type { Survival } from '../results/record.ts'
import type { RunEnvironment } from '../results/run-folder.ts'
import type { RunningTestbed } from '../testbed/running.ts'
import type { WorkloadImage } from '../workloads/image.ts'
import type { RunningWorkload, ServiceAddress } from '../workloads/running.ts'
import type { StateWriter, WriterOptions } from '../workloads/writer.ts'
import type { CleanCheck } from './clean-state.ts'
import type { LinkControl } from './link.ts'
import type { Observation, TrialMarks } from './observation.ts'

/** What the oracles of a workload say once it has been moved. */
export interface StateJudgement {
  readonly memory: Survival
  readonly files: Survival
  /** A sentence each. */
  readonly findings: readonly string[]
}

/** Evidence taken right before a migration, ready to be compared with what runs afterwards. */
interface StateProof {
  judge(
    running: RunningWorkload,
    observed: Observation['continuity'],
    signal: AbortSignal,
  ): Promise<StateJudgement>
}

/** Everything that a trial does to the outside world beside what its toolchain does. */
export interface TrialDependencies {
  readonly clock: Clock
  /** @throws TestbedError when there is no good answer within `timeoutMs`. */
  waitUntilAnswering(
    target: ServiceAddress,
    spec: ProbeSpec,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<unknown>
  /** Fills the workload with `sizeBytes` of values, else with what its own file says; nothing for one without state. */
  fillState(
    workload: ResolvedWorkload,
    address: ServiceAddress,
    options: { readonly sizeBytes?: number; readonly seed: number; readonly signal: AbortSignal },
  ): Promise<unknown>
  /** A client that writes over the state, at a rate; for workloads that have state. */
  startWriter(
    workload: ResolvedWorkload,
    address: ServiceAddress,
    options: WriterOptions,
  ): Promise<StateWriter>
  readonly links: LinkControl
  startProbes(options: ProbeOptions, signal: AbortSignal): Promise<ProbeSession>
  observe(recording: Recording, marks: TrialMarks, probe: ProbeOptions): Observation
  takeEvidence(
    workload: ResolvedWorkload,
    running: RunningWorkload,
    /** `token` marks the file system: another one for every attempt of a trial. */
    options: { readonly token: string; readonly signal: AbortSignal },
  ): Promise<StateProof>
}

/** What the run around the trials needs as well. */
export interface RunDependencies extends TrialDependencies {
  /** Builds or fetches the image once; from then on it is in the cache. */
  prepareImage(
    workload: ResolvedWorkload,
    options: { readonly progress: Progress; readonly signal: AbortSignal },
  ): Promise<WorkloadImage>
  /** Idempotent. */
  loadImage(host: Host, image: WorkloadImage, signal: AbortSignal): Promise<unknown>
  /** Makes the place where volumes are kept, which stays: of workloads that have any. Idempotent. */
  prepareForVolumes(host: Host, signal: AbortSignal): Promise<void>
  /** Looks at what is on the hosts now: the state that every trial has to find again. */
  takeBaseline(hosts: readonly Host[], signal: AbortSignal): Promise<CleanCheck>
  /** Machine, hosts, versions, settings; without what the runner adds itself. */
  collectEnvironment(testbed: RunningTestbed, signal: AbortSignal): Promise<RunEnvironment>
  /** Into the run folder, from what lies in it. */
  writeReports(folder: string): Promise<unknown>
  /** Numbers in [0, 1) for the name of the run's folder. */
  random(): number
}
