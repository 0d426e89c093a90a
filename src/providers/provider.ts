import type { HostName, ProviderName, ResolvedTestbed } from '../config/resolved.ts'
import type { Progress } from '../core/progress.ts'
import type { Clock } from '../core/time.ts'
import type { HostAddress } from '../hosts/address.ts'

/** Something that a provider needs of the machine that this program runs on. */
export interface Requirement {
  /** What it is, in a few words: `mmdebstrap`, `root`, `kernel: overlayfs`. */
  readonly name: string
  readonly satisfied: boolean
  /** How to get it. */
  readonly hint: string
  /** Packages of this machine's distribution that bring it, when packages can. */
  readonly packages?: readonly string[]
}

export interface HostStatus {
  readonly name: HostName
  /** `dead`: there are remains of it, but it does not run. */
  readonly state: 'running' | 'dead'
}

/** A setting of the testbed that cannot work on this machine, with its place in the file. */
export interface Conflict {
  readonly pointer: readonly (string | number)[]
  readonly message: string
  readonly hint: string
}

/** What makes hosts. Every operation is idempotent, and finds what it made by label, never from memory. */
export interface Provider {
  readonly name: ProviderName
  /** What this machine lacks or has, in the order in which to mend it. */
  check(): Promise<Requirement[]>
  /** Present where it depends on the machine: whether hosts would run under emulation, many times slower. */
  readonly emulates?: () => Promise<boolean>
  /** Clashes with the machine, found before anything is made. */
  conflicts(testbed: ResolvedTestbed): Promise<Conflict[]>
  /** Makes what is missing; hosts that run stay as they are. Answers when every host accepts SSH. */
  create(testbed: ResolvedTestbed, signal: AbortSignal): Promise<HostAddress[]>
  list(testbed: ResolvedTestbed['name']): Promise<HostStatus[]>
  /** Back to freshly provisioned, under the same names, addresses and keys. */
  reset(testbed: ResolvedTestbed, hosts: readonly HostName[], signal: AbortSignal): Promise<HostAddress[]>
  /** Power off, no goodbye. */
  kill(host: HostName): Promise<void>
  /** Removes everything that was ever made for the testbed, also half-made things. */
  destroy(testbed: ResolvedTestbed['name']): Promise<void>
  /** Present when hosts can be provisioned once and started from the result ever after. */
  readonly baking?: Baking
  /** Why no client on this machine can reach the workload, where that is so: such hosts can be used, not measured. */
  unmeasurable?(testbed: ResolvedTestbed): { readonly why: string; readonly hint: string } | undefined
  /** Present when running hosts can be saved and put back. */
  readonly snapshots?: Snapshots
}

/** Optional ability: hosts are saved as they run, and `reset` returns to that instead of making them anew. */
export interface Snapshots {
  /** Called once these hosts are provisioned; replaces what was saved of them before. */
  save(testbed: ResolvedTestbed, hosts: readonly HostName[], signal: AbortSignal): Promise<void>
}

/** Optional ability: a provisioned image, made once for each digest of recipe and provision scripts. */
export interface Baking {
  /** True when hosts of this testbed start provisioned. */
  isBaked(testbed: ResolvedTestbed): Promise<boolean>
  /** Starts one host without services on the machine's own network, has it provisioned, and keeps it as an image. */
  bake(
    testbed: ResolvedTestbed,
    provision: (builder: HostAddress) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void>
}

export interface ProviderContext {
  /** State of this testbed: `.testbed/<name>`; absolute. */
  readonly stateFolder: string
  /** Images and layers, shared by all testbeds of the user; absolute. */
  readonly cacheFolder: string
  /** Where `testbed/`, `provision/` … stand; absolute. */
  readonly projectFolder: string
  readonly progress: Progress
  readonly clock: Clock
}
