import type { Factors, ResolvedWorkload } from '../config/resolved.ts'
import type { Clock } from '../core/time.ts'
import type { Facts } from '../hosts/facts.ts'
import type { Host } from '../hosts/host.ts'
import type { WorkloadImage } from '../workloads/image.ts'
import type { RunningWorkload } from '../workloads/running.ts'
import type { Timeline } from './timeline.ts'

/** What of the workload's state a toolchain promises to bring along. */
export interface Keeps {
  readonly memory: boolean
  readonly connections: boolean
  readonly files: boolean
  /** Files in the workload's volumes, where that is another matter than those in its container. */
  readonly volumes?: boolean
}

/** What it promises of this workload: of one with volumes, files are what is in those. */
export function keepsOf(
  { keeps }: Pick<Toolchain, 'keeps'>,
  { volumes }: Pick<ResolvedWorkload, 'volumes'>,
): Pick<Keeps, 'memory' | 'connections' | 'files'> {
  return { ...keeps, files: volumes === undefined ? keeps.files : (keeps.volumes ?? keeps.files) }
}

/** Why a toolchain cannot work here, found before a trial starts. */
export interface Unsupported {
  /** The missing feature by its own name: `criu:mem_dirty_track`. */
  readonly feature: string
  readonly host: string
  readonly message: string
}

/** The same of one end of a migration. */
export type Lack = Omit<Unsupported, 'host'> & { readonly at: 'source' | 'destination' }

export interface TrialContext {
  /** The trial's id. */
  readonly trial: string
  readonly source: Host
  readonly destination: Host
  readonly workload: ResolvedWorkload
  /** Already loaded on every host. */
  readonly image: WorkloadImage
  /** The workload's address on the service network, the same wherever it runs. */
  readonly service: { readonly address: string; readonly mac: string; readonly port: number }
  readonly factors: Factors
  /** Local folder of the trial: logs of the mechanism are saved here. */
  readonly folder: string
  /** By which deadlines of single steps are multiplied: emulated hosts are many times slower. */
  readonly patience: number
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Powers a host off, without a goodbye; absent where nobody may. */
  readonly powerOff?: (host: Host) => Promise<void>
}

/** A running workload and the name by which its toolchain finds it again. */
export interface Deployment extends RunningWorkload {
  readonly container: string
}

export interface Migration {
  readonly deployment: Deployment
  readonly transferredBytes: number
  /**
   * Fetches the mechanism's own figures, attaches them to the phases, and answers how long it says that the workload was
   * frozen. Called when nothing is measured any more; absent when the mechanism has no figures.
   */
  readonly figures?: () => Promise<{ readonly frozenMs?: number }>
}

/** One way of moving a workload. Everything it makes on a host carries the trial's label. */
export interface Toolchain {
  readonly name: string
  readonly keeps: Keeps
  /** It powers the source off, which not every testbed allows. */
  readonly powersOff?: true
  /** Axes of experiments that only some toolchains have, and this one obeys: `transfer`, `compression`. */
  readonly axes?: readonly string[]
  supports(source: Facts, destination: Facts, workload: ResolvedWorkload): Lack | undefined
  /**
   * Gives a host's engine the workload's image, once a session and after every reset; absent when that is Docker, which
   * then gets it. Idempotent; does nothing on a host that lacks what `supports` names.
   */
  prepare?(host: Host, image: WorkloadImage, signal: AbortSignal): Promise<void>
  /** Starts the workload on the source with its service address. Answers before it is ready to serve. */
  deploy(context: TrialContext): Promise<Deployment>
  /** Moves it to the destination, every step a phase of `timeline`; `stage` is what is done while the workload still runs. */
  migrate(context: TrialContext, deployment: Deployment, timeline: Timeline): Promise<Migration>
  /** Removes all of it from both hosts: idempotent, also after a half-finished deploy or migrate. */
  remove(context: TrialContext): Promise<void>
}
