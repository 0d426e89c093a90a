import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { HostName, ResolvedHost } from '../../config/resolved.ts'
import { step } from '../../core/progress.ts'
import { poll } from '../../core/retry.ts'
import { ownAddress } from '../own-address.ts'
import { letsUsIn } from '../qemu/ssh.ts'
import { withBoxImage } from './box-image.ts'
import type { Fleet } from './fleet.ts'
import type { FoundMachine } from './hypervisor.ts'
import { vagrant } from './vagrant.ts'

/** The box may have to be downloaded, and two emulated machines take minutes to boot. */
const upMs = 40 * 60_000
const commandMs = 5 * 60_000
const sshMs = 120_000

/** Hosts whose machine runs and was finished: Vagrant notes for which machine its provisioners have run. */
export async function finishedHosts(fleet: Fleet, found: readonly FoundMachine[]): Promise<Set<HostName>> {
  const { names, testbed, hypervisor } = fleet
  const finished = new Set<HostName>()
  for (const { name } of testbed.hosts) {
    const machine = found.find((one) => one.name === names.machine(name))
    if (machine?.running !== true) continue
    const note = join(vagrantsOwn(fleet, name), hypervisor.name, 'action_provision')
    const provisioned = await readFile(note, 'utf8').catch(() => '')
    // `1.5:ID`
    if (provisioned.trim().endsWith(`:${machine.id}`)) finished.add(name)
  }
  return finished
}

/** Makes machines of which nothing is there, all at once where the hypervisor can. */
export async function makeMachines(
  fleet: Fleet,
  hosts: readonly ResolvedHost[],
  signal: AbortSignal,
): Promise<void> {
  if (hosts.length === 0) return
  const { context, names, hypervisor } = fleet
  const wanted = hosts.map(({ name }) => name)
  const up = withBoxImage(fleet, signal, async () => {
    await vagrant(context, names, {
      args: ['up', ...wanted, '--parallel', '--provider', hypervisor.name],
      hypervisor: hypervisor.name,
      timeoutMs: upMs,
      signal,
    })
  })
  await Promise.all(
    hosts.map((host) =>
      step(
        context.progress,
        'start',
        async () => {
          await up
          await waitForSsh(fleet, host, signal)
        },
        { host: host.name },
      ),
    ),
  )
}

/** Puts machines back to the snapshot of their provisioned state. */
export async function restoreMachines(
  fleet: Fleet,
  hosts: readonly ResolvedHost[],
  signal: AbortSignal,
): Promise<void> {
  const { context, names, hypervisor, snapshot } = fleet
  await Promise.all(
    hosts.map((host) =>
      step(
        context.progress,
        'restore',
        async () => {
          await vagrant(context, names, {
            args: ['snapshot', 'restore', '--no-provision', host.name, snapshot],
            hypervisor: hypervisor.name,
            timeoutMs: commandMs,
            signal,
          })
          await waitForSsh(fleet, host, signal)
        },
        { host: host.name },
      ),
    ),
  )
}

/** Keeps the state of machines, to return to, in place of what was kept before. */
export async function saveMachines(
  fleet: Fleet,
  hosts: readonly HostName[],
  signal: AbortSignal,
): Promise<void> {
  const { context, names, hypervisor, snapshot } = fleet
  await Promise.all(
    hosts.map((name) =>
      step(
        context.progress,
        'save a snapshot',
        () =>
          vagrant(context, names, {
            args: ['snapshot', 'save', '--force', name, snapshot],
            hypervisor: hypervisor.name,
            timeoutMs: commandMs,
            signal,
          }),
        { host: name },
      ),
    ),
  )
}

/** Removes hosts with everything of theirs, also what is half made or unknown to Vagrant. */
export async function removeMachines(fleet: Fleet, hosts: readonly HostName[]): Promise<void> {
  const { context, names, hypervisor } = fleet
  const found = await hypervisor.machines(names)
  await Promise.all(
    hosts.map(async (name) => {
      const machine = names.machine(name)
      const remove = async () => {
        await hypervisor.remove(machine)
        await rm(vagrantsOwn(fleet, name), { recursive: true, force: true })
      }
      const isThere = found.some((one) => one.name === machine)
      // Where there is no machine there may be a disk without one: nothing to tell anybody.
      await (isThere ? step(context.progress, 'remove', remove, { host: name }) : remove())
    }),
  )
}

export async function waitForSsh(fleet: Fleet, host: ResolvedHost, signal: AbortSignal): Promise<void> {
  const address = await ownAddress(fleet.context, host)
  await poll(async () => ((await letsUsIn(address, signal)) ? true : undefined), {
    what: 'SSH answers',
    where: host.name,
    timeoutMs: sshMs,
    intervalMs: 200,
    clock: fleet.context.clock,
    signal,
    hint: `vagrant says that it is up: look at its console in .testbed/${fleet.testbed.name}/logs`,
  })
}

/** What Vagrant knows of a machine. */
function vagrantsOwn({ names }: Fleet, host: HostName): string {
  return join(names.folder, 'machines', host)
}
