import { macOf } from '../../config/addresses.ts'
import type { ResolvedHost, ResolvedTestbed } from '../../config/resolved.ts'
import { mustRunLocal, runLocal } from '../../core/process.ts'
import { ip, tryIp } from '../local/ip.ts'
import { type Names, networkNames } from '../local/names.ts'
import { attach } from '../local/network.ts'

const timeoutMs = 10_000

/** Names of the network namespaces that exist. */
export async function listNetns(): Promise<string[]> {
  const { stdout, exitCode } = await runLocal(['ip', '-j', 'netns', 'list'], { timeoutMs })
  if (exitCode === 127) return [] // without iproute2 none can have been made
  const entries = stdout.trim() === '' ? [] : (JSON.parse(stdout) as { name: string }[])
  return entries.map((entry) => entry.name)
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
  await tryIp(
    names.switch,
    networkNames.map((network) => `link del ${names.hostPort(network, host)}`),
  )
  await runLocal(['ip', 'netns', 'del', names.netns(host)], { timeoutMs })
}
