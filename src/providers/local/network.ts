import type { ResolvedTestbed } from '../../config/resolved.ts'
import { mustRunLocal, runLocal } from '../../core/process.ts'
import { ip, tryIp } from './ip.ts'
import { type Names, type NetworkName, networkNames } from './names.ts'
import { labelNetnsFolder, restoreNetnsFolder } from './netns-folder.ts'
import { aliasOf } from './owners.ts'

const timeoutMs = 10_000

/** True when both networks are there from the machine's end to their bridges. */
export async function networksStand(names: Names): Promise<boolean> {
  const inSwitch = await runLocal(['ip', '-n', names.switch, '-j', 'link', 'show', 'up'], { timeoutMs })
  if (inSwitch.exitCode !== 0) return false
  const here = await mustRunLocal(['ip', '-j', 'addr', 'show', 'up'], { timeoutMs })
  const linksInSwitch = new Set(
    (JSON.parse(inSwitch.stdout) as { ifname?: string }[]).map((link) => link.ifname),
  )
  const linksHere = JSON.parse(here.stdout) as { ifname?: string; addr_info?: unknown[] }[]
  return networkNames.every(
    (network) =>
      linksInSwitch.has(network) &&
      linksInSwitch.has(names.machinePort(network)) &&
      linksHere.some(
        (link) => link.ifname === names.machineLink(network) && (link.addr_info?.length ?? 0) > 0,
      ),
  )
}

/**
 * Makes both networks: a bridge each in a namespace of their own, and one veth pair each to the machine, which is where
 * the client lives. Nothing of the machine's firewall, forwarding or bridges is touched.
 */
export async function createNetworks(testbed: ResolvedTestbed, names: Names, owner: string): Promise<void> {
  await removeNetworks(names)
  await labelNetnsFolder()
  await mustRunLocal(['ip', 'netns', 'add', names.switch], { timeoutMs })
  await ip(names.switch, [
    'link set lo up',
    ...networkNames.flatMap((network) => [
      `link add ${network} type bridge forward_delay 0`,
      `link set ${network} up`,
    ]),
  ])
  await ip(
    undefined,
    networkNames.flatMap((network) => {
      const { machineAddress, prefixLength } = testbed.networks[network]
      const link = names.machineLink(network)
      return [
        `link add ${link} type veth peer name ${names.machinePort(network)} netns ${names.switch}`,
        `link set ${link} alias "${aliasOf(testbed.name, network, owner)}"`,
        `addr add ${machineAddress}/${prefixLength} dev ${link}`,
        `link set ${link} up`,
      ]
    }),
  )
  await ip(
    names.switch,
    networkNames.flatMap((network) => attach(names.machinePort(network), network)),
  )
}

/** Removes the machine's links and the switch, and with it the bridges. */
export async function removeNetworks(names: Names): Promise<void> {
  await tryIp(
    undefined,
    networkNames.map((network) => `link del ${names.machineLink(network)}`),
  )
  await runLocal(['ip', 'netns', 'del', names.switch], { timeoutMs })
  await restoreNetnsFolder()
}

/** `ip` commands that make a link of the switch a port of the network's bridge. */
export function attach(port: string, network: NetworkName): string[] {
  return [`link set ${port} master ${network}`, `link set ${port} up`]
}
