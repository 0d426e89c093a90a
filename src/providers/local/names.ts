import { join } from 'node:path'
import type { HostName } from '../../config/resolved.ts'
import { digestOf } from '../../core/digest.ts'

/**
 * Every name that a testbed's hosts and networks have on this machine, derived from its state folder alone: what a crashed
 * program made is found again by its name. Interface names have at most 15 characters.
 */
export interface Names {
  readonly id: string
  /** The network namespace that holds the two bridges; the machine's own firewall and bridges are not touched. */
  readonly switch: string
  readonly netns: (host: HostName) => string
  readonly hostOfNetns: (netns: string) => HostName | undefined
  /** The machine's end on a network. */
  readonly machineLink: (network: NetworkName) => string
  /** The machine's peer, and a host's peer, as ports of the network's bridge in the switch. */
  readonly machinePort: (network: NetworkName) => string
  readonly hostPort: (network: NetworkName, host: HostName) => string
  readonly folder: (host: HostName) => string
  readonly logs: (host: HostName) => string
}

export const networkNames = ['mgmt', 'service'] as const
export type NetworkName = (typeof networkNames)[number]

export function namesFor(stateFolder: string): Names {
  const id = digestOf(stateFolder, 6)
  const prefix = `mtb-${id}-`
  return {
    id,
    switch: `${prefix}_switch`,
    netns: (host) => `${prefix}${host}`,
    hostOfNetns: (netns) =>
      netns.startsWith(prefix) && netns !== `${prefix}_switch` ? netns.slice(prefix.length) : undefined,
    machineLink: (network) => `mtb${id}${network[0]}`,
    machinePort: (network) => `${network}-machine`.slice(0, 15),
    hostPort: (network, host) => `${network[0]}-${digestOf(host, 10)}`,
    folder: (host) => join(stateFolder, 'hosts', host),
    logs: (host) => join(stateFolder, 'logs', host),
  }
}
