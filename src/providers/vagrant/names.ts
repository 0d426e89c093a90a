import { join } from 'node:path'
import type { HostName } from '../../config/resolved.ts'
import { digestOf } from '../../core/digest.ts'

/**
 * Every name that is given to a hypervisor, and every path, derived from the testbed's state folder alone: what a crashed
 * program made is found again by its name.
 */
export interface VagrantNames {
  /** Begins every machine, disk and network of this testbed, and none of another. */
  readonly prefix: string
  readonly machine: (host: HostName) => string
  readonly hostOfMachine: (machine: string) => HostName | undefined
  readonly network: (network: 'mgmt' | 'service' | 'vagrant') => string
  /** Everything that Vagrant and this provider write; VAGRANT_DOTFILE_PATH, too, which labels Vagrant's own processes. */
  readonly folder: string
  /** What the Vagrantfile reads. */
  readonly machinesFile: string
  readonly log: string
  readonly consoleLog: (host: HostName) => string
}

export function vagrantNames(stateFolder: string): VagrantNames {
  return namesWith(`mtb-${digestOf(stateFolder, 6)}_`, stateFolder)
}

/** @param prefix ends with an underscore, which no host's name has */
export function namesWith(prefix: string, stateFolder: string): VagrantNames {
  const folder = join(stateFolder, 'vagrant')
  return {
    prefix,
    machine: (host) => `${prefix}${host}`,
    hostOfMachine: (machine) => (machine.startsWith(prefix) ? machine.slice(prefix.length) : undefined),
    network: (network) => `${prefix}${network}`,
    folder,
    machinesFile: join(folder, 'machines.json'),
    log: join(stateFolder, 'logs', 'vagrant.log'),
    consoleLog: (host) => join(stateFolder, 'logs', host, 'boot.log'),
  }
}
