import { homedir } from 'node:os'
import path from 'node:path'
import type { Report } from './document.ts'
import type { HostDocument, TestbedDocument } from './documents.ts'
import type { ResolvedHost, ResolvedMachine } from './resolved.ts'

/** Keys of a host that say how an existing machine is reached. */
const machineKeys = [
  'address',
  'user',
  'port',
  'identityFile',
  'jump',
  'mgmtAddress',
  'serviceInterface',
] as const

/** What only existing machines need, and what every one of them needs. */
export function checkMachines({ provider, hosts, ssh }: TestbedDocument, report: Report): void {
  if (provider !== 'ssh') {
    const hint = 'write provider: ssh to use machines that exist already'
    if (ssh !== undefined) report(['ssh'], 'ssh says something with provider ssh only', { at: 'key', hint })
    for (const [index, host] of listed(hosts).entries()) {
      for (const key of machineKeys.filter((name) => host[name] !== undefined)) {
        report(['hosts', index, key], `${key} says something with provider ssh only`, { at: 'key', hint })
      }
    }
    return
  }
  if (typeof hosts === 'number') {
    report(['hosts'], 'provider ssh needs a list of hosts, each with its address', {
      hint: 'write for example hosts: [{ name: host-a, address: 192.168.7.11 }, { name: host-b, address: 192.168.7.12 }]',
    })
  }
  for (const [index, host] of listed(hosts).entries()) {
    if (host.address === undefined) {
      report(['hosts', index], `host ${host.name} lacks "address": provider ssh makes no machines`, {
        hint: 'give a host name, an IP address, or a Host of ~/.ssh/config',
      })
    }
    if ((host.serviceInterface ?? ssh?.serviceInterface) === undefined) {
      report(['hosts', index], `host ${host.name} lacks "serviceInterface", here or below ssh:`, {
        hint: 'name a NIC without an address that leads to the network of the client; ip -br link on the host lists them',
      })
    }
    const octets = host.mgmtAddress?.split('.').map(Number) ?? []
    if (octets.some((octet) => octet > 255)) {
      report(['hosts', index, 'mgmtAddress'], `${host.mgmtAddress} is not an IPv4 address`)
    }
  }
}

/** What a host's own keys and those of `ssh:` say about its machine. */
export function resolveMachine(
  { provider, hosts, ssh }: TestbedDocument,
  file: string,
): (index: number) => Pick<ResolvedHost, 'machine'> {
  return (index) => {
    const host = listed(hosts)[index]
    const { serviceInterface } = { ...ssh, ...host }
    if (provider !== 'ssh' || host?.address === undefined || serviceInterface === undefined) return {}
    const { allowKill: _, ...common } = ssh ?? { allowKill: false }
    const { name: _name, address, ...rest } = { ...common, ...host, address: host.address }
    const paths = (['identityFile', 'configFile'] as const).flatMap((key) => {
      const written = rest[key]
      return written === undefined ? [] : [[key, absolute(written, file)] as const]
    })
    const machine: ResolvedMachine = { ...rest, ...Object.fromEntries(paths), address, serviceInterface }
    return { machine }
  }
}

function listed(hosts: TestbedDocument['hosts']): readonly HostDocument[] {
  return typeof hosts === 'number' ? [] : hosts
}

function absolute(written: string, file: string): string {
  return written.startsWith('~/')
    ? path.join(homedir(), written.slice(2))
    : path.resolve(path.dirname(file), written)
}
