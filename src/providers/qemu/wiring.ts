import type { HostName, ResolvedTestbed } from '../../config/resolved.ts'
import { ip } from '../local/ip.ts'
import { type Names, networkNames } from '../local/names.ts'
import { attach } from '../local/network.ts'
import { tapName } from './labels.ts'

/** `auto` takes what root can do. */
export function networkKind(testbed: ResolvedTestbed): 'tap' | 'user' {
  const { network } = testbed.vm
  if (network !== 'auto') return network
  return process.getuid?.() === 0 ? 'tap' : 'user'
}

/** Without root this machine has no address on the service network. */
export function withoutClient(testbed: ResolvedTestbed): { why: string; hint: string } | undefined {
  if (networkKind(testbed) === 'tap') return undefined
  return {
    why: "virtual machines without root (vm.network: user) have a service network that this machine's client is not on",
    hint: 'run as root, with vm.network: auto or tap; or measure on namespace hosts (--provider namespaces)',
  }
}

/**
 * Moves the taps that QEMU has made into the switch, onto its bridges. QEMU keeps hold of them and stays where the machine's
 * own network is, which its NAT card needs; they are gone when it ends.
 */
export async function plugTaps(names: Names, host: HostName): Promise<void> {
  const ports = networkNames.map((network) => ({
    network,
    tap: tapName(names.id, network, host),
    port: names.hostPort(network, host),
  }))
  const what = `wiring of ${host}`
  await ip(
    undefined,
    ports.map(({ tap, port }) => `link set ${tap} netns ${names.switch} name ${port}`),
    what,
  )
  await ip(
    names.switch,
    ports.flatMap(({ network, port }) => attach(port, network)),
    what,
  )
}
