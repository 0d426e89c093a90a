import type { HostName, ProviderName, ResolvedTestbed } from '../config/resolved.ts'
import type { Host } from '../hosts/host.ts'

/** A testbed that is up, with a connection to each host. */
export interface RunningTestbed {
  readonly testbed: ResolvedTestbed
  readonly provider: ProviderName
  /** In the testbed file's order; replaced by `reset`, so read it anew after one. */
  readonly hosts: readonly Host[]
  /** Back to freshly provisioned, connected again. */
  reset(hosts: readonly HostName[], signal: AbortSignal): Promise<void>
  /** Powers a host off, without a goodbye; absent where the testbed's file does not allow it. */
  readonly powerOff?: (host: HostName) => Promise<void>
  /** Closes the connections and lets go of the testbed's lock; the hosts go on. */
  close(): Promise<void>
}
