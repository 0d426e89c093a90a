import { macOf } from '../../config/addresses.ts'
import type { ResolvedHost, ResolvedTestbed } from '../../config/resolved.ts'
import { mustRunLocal, runLocal } from '../../core/process.ts'
import { type Names, type NetworkName, networkNames } from './names.ts'
import { labelNetnsFolder, restoreNetnsFolder } from './netns-folder.ts'
import { aliasOf } from './owners.ts'

const timeoutMs = 10_000

/** Runs `ip` commands in one process, in the given network namespace or (undefined) the machine's. */
async function ip(netns: string | undefined, commands: readonly string[], force = false): Promise<void> {
  const where = netns === undefined ? [] : ['-n', netns]
  const argv = ['ip', ...(force ? ['-force'] : []), ...where, '-batch', '-'] as const
  const options = { input: `${commands.join('\n')}\n`, timeoutMs }
  if (force) await runLocal([...argv], options)
  else await mustRunLocal([...argv], { ...options, what: `network set-up (${commands[0]} …)` })
}

/** Names of the network namespaces that exist. */
export async function listNetns(): Promise<string[]> {
  const { stdout, exitCode } = await runLocal(['ip', '-j', 'netns', 'list'], { timeoutMs })
  if (exitCode === 127) return [] // without iproute2 none can have been made
  const entries = stdout.trim() === '' ? [] : (JSON.parse(stdout) as { name: string }[])
  return entries.map((entry) => entry.name)
}

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
  await ip(
    undefined,
    networkNames.map((network) => `link del ${names.machineLink(network)}`),
    true,
  )
  await runLocal(['ip', 'netns', 'del', names.switch], { timeoutMs })
  await restoreNetnsFolder()
}

/**
 * Makes the host's network namespace with `mgmt0` and the bridge `svc0`, which workloads join, on the networks. MACs follow
 * from the addresses: a host that is made anew is the same one to its neighbours' ARP caches.
 */
export async function createHostNetwork(
  testbed: ResolvedTestbed,
  host: ResolvedHost,
  names: Names,
): Promise<void> {
  await removeHostNetwork(host.name, names)
  const netns = names.netns(host.name)
  const { mgmt, service } = testbed.networks
  await mustRunLocal(['ip', 'netns', 'add', netns], { timeoutMs })
  await ip(names.switch, [
    `link add ${names.hostPort('mgmt', host.name)} type veth peer name mgmt0 netns ${netns}`,
    `link add ${names.hostPort('service', host.name)} type veth peer name service0 netns ${netns}`,
    ...networkNames.flatMap((network) => attach(names.hostPort(network, host.name), network)),
  ])
  await ip(netns, [
    'link set lo up',
    `link set mgmt0 address ${macOf(host.mgmtAddress)}`,
    `addr add ${host.mgmtAddress}/${mgmt.prefixLength} dev mgmt0`,
    'link set mgmt0 up',
    `link add svc0 address ${macOf(host.serviceAddress)} type bridge forward_delay 0`,
    'link set service0 master svc0',
    `addr add ${host.serviceAddress}/${service.prefixLength} dev svc0`,
    'link set service0 up',
    'link set svc0 up',
  ])
}

export async function removeHostNetwork(host: string, names: Names): Promise<void> {
  await ip(
    names.switch,
    networkNames.map((network) => `link del ${names.hostPort(network, host)}`),
    true,
  )
  await runLocal(['ip', 'netns', 'del', names.netns(host)], { timeoutMs })
}

function attach(port: string, network: NetworkName): string[] {
  return [`link set ${port} master ${network}`, `link set ${port} up`]
}
