import type { Host } from '../hosts/host.ts'

/** Where a workload answers: the service address is the same before and after a migration. */
export interface ServiceAddress {
  readonly host: string
  readonly port: number
}

/** A workload that runs on a host, whatever started it. */
export interface RunningWorkload {
  readonly host: Host
  /** Its main process as the host numbers it: `/proc/<pid>/root` is its file system, for every engine. */
  readonly pid: number
  readonly address: ServiceAddress
}
