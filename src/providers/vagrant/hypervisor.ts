import type { Requirement } from '../provider.ts'
import type { HypervisorName } from './machines.ts'
import type { VagrantNames } from './names.ts'

/** What a hypervisor knows about our machines, asked of it directly: Vagrant forgets what it did not finish. */
export interface Hypervisor {
  readonly name: HypervisorName
  /** Machines whose name begins with the testbed's prefix, also those that Vagrant has lost. */
  machines(names: VagrantNames): Promise<FoundMachine[]>
  /** Power off, no goodbye. */
  powerOff(machine: string): Promise<void>
  /** Removes one machine with its disks and snapshots, also a half-made one. */
  remove(machine: string): Promise<void>
  /** Removes every disk and network that carries the testbed's prefix and no machine uses. */
  removeRest(names: VagrantNames): Promise<void>
  /** Interfaces of this machine that are the hypervisor's ends of the testbed's networks. */
  links(names: VagrantNames): Promise<string[]>
  hasSnapshot(machine: string, snapshot: string): Promise<boolean>
  /** Copies of the box's disks that machines stand on, where the hypervisor has such; whole or not. */
  boxImages(box: string): Promise<BoxImage[]>
}

interface BoxImage {
  readonly bytes: number
  remove(): Promise<void>
}

export interface FoundMachine {
  readonly name: string
  /** As Vagrant keeps it. */
  readonly id: string
  readonly running: boolean
}

/** A hypervisor, or what is missing to use it. */
export interface HypervisorCheck {
  readonly hypervisor: Hypervisor
  readonly requirement: Requirement
}
