import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { macOf } from '../../config/addresses.ts'
import type { ResolvedHost, ResolvedTestbed } from '../../config/resolved.ts'
import { runLocal } from '../../core/process.ts'
import { poll } from '../../core/retry.ts'
import type { Clock } from '../../core/time.ts'
import { overlap } from '../overlap.ts'
import type { Conflict } from '../provider.ts'

/** Parts of what `ip -j route get` prints. */
interface Way {
  readonly dev?: string
  readonly gateway?: string
  readonly prefsrc?: string
}

/** The machine that this program runs on; empty where it has no such file. */
export async function ownMachineId(): Promise<string> {
  return (await readFile('/etc/machine-id', 'utf8').catch(() => '')).trim()
}

/** What keeps the client, on this machine, from the service network: its address there is checked, and never made. */
export async function clientConflicts({ networks, hosts }: ResolvedTestbed): Promise<Conflict[]> {
  const { subnet, workloadAddress, machineAddress, prefixLength } = networks.service
  const pointer = ['networks', 'service', 'subnet']
  const said = await runLocal(['ip', '-4', '-j', 'route', 'get', workloadAddress], { timeoutMs: 10_000 })
  const [way] = said.exitCode === 0 ? (JSON.parse(said.stdout) as Way[]) : []
  const source = way?.prefsrc
  if (way?.gateway !== undefined || source === undefined || !overlap(source, subnet)) {
    return [
      {
        pointer,
        message: `this machine has no address on ${subnet}, where the client reaches the workload`,
        hint: `give it one, on the network of the hosts' serviceInterface: ip addr add ${machineAddress}/${prefixLength} dev NIC`,
      },
    ]
  }
  const taken = [
    ...hosts.map(({ name, serviceAddress }) => [name, serviceAddress] as const),
    ['the workload', workloadAddress] as const,
  ].find(([, address]) => address === source)
  if (taken === undefined) return []
  const message = `this machine has the address ${source}, which is that of ${taken[0]}`
  return [{ pointer, message, hint: `take the first of the subnet for this machine: ${machineAddress}` }]
}

/**
 * Waits until this machine finds a host at its service address, under the MAC of its bridge: then the two are on one
 * network, and nobody else has the address.
 */
export async function waitForService(host: ResolvedHost, clock: Clock, signal: AbortSignal): Promise<void> {
  const { serviceAddress } = host
  let found = 'nobody answers there'
  await poll(
    async () => {
      await knock(serviceAddress)
      const said = await runLocal(['ip', '-4', '-j', 'neigh', 'show', 'to', serviceAddress], {
        timeoutMs: 5_000,
      })
      const entries = said.stdout.trim() === '' ? [] : (JSON.parse(said.stdout) as { lladdr?: string }[])
      const mac = entries.find(({ lladdr }) => lladdr !== undefined)?.lladdr
      if (mac === macOf(serviceAddress)) return true
      if (mac !== undefined)
        found = `${mac} answers, not the bridge of ${host.name} (${macOf(serviceAddress)})`
      throw new Error(found)
    },
    {
      what: `this machine reaches ${serviceAddress} on the service network`,
      where: host.name,
      timeoutMs: 10_000,
      intervalMs: 200,
      clock,
      signal,
      hint: 'is serviceInterface on the same network as this machine? A hypervisor or switch must let other MACs than the NIC’s own pass',
    },
  )
}

/** Makes the kernel ask for the address; whether anybody listens there does not matter. */
async function knock(address: string): Promise<void> {
  await new Promise<void>((resolve) => {
    const socket = connect({ host: address, port: 9 })
    const done = () => {
      clearTimeout(timer)
      socket.destroy()
      resolve()
    }
    const timer = setTimeout(done, 1000)
    socket.once('connect', done)
    socket.once('error', done)
  })
}
