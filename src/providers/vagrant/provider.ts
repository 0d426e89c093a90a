import { rm } from 'node:fs/promises'
import type { HostName, ResolvedTestbed } from '../../config/resolved.ts'
import { messageOf, TestbedError } from '../../core/errors.ts'
import { step } from '../../core/progress.ts'
import type { HostAddress } from '../../hosts/address.ts'
import { ownAddress } from '../own-address.ts'
import type { Conflict, HostStatus, Provider, ProviderContext } from '../provider.ts'
import { requireHosts } from '../require-hosts.ts'
import { checkMachine, emulates } from './check.ts'
import { networkConflicts } from './conflicts.ts'
import { chooseHypervisor, type Fleet, prepareFleet, readMachines } from './fleet.ts'
import {
  finishedHosts,
  makeMachines,
  removeMachines,
  restoreMachines,
  saveMachines,
  waitForSsh,
} from './hosts.ts'
import type { FoundMachine, Hypervisor } from './hypervisor.ts'
import { checkHypervisors } from './hypervisors.ts'
import { machineRoutes, virtualBoxRanges } from './machine-network.ts'
import { type VagrantNames, vagrantNames } from './names.ts'
import { killStrays, vagrant } from './vagrant.ts'

const destroyMs = 5 * 60_000

/** Hosts that are machines of the project's Vagrantfile, on VirtualBox or libvirt. */
export function createVagrantProvider(context: ProviderContext): Provider {
  const names = vagrantNames(context.stateFolder)
  return {
    name: 'vagrant',
    check: () => checkMachine(context),
    emulates: () => emulates(context),
    conflicts: (testbed) => conflicts(names, testbed),
    create: (testbed, signal) => create(context, names, testbed, signal),
    list: () => list(names),
    reset: (testbed, hosts, signal) => reset(context, names, testbed, hosts, signal),
    kill: (host) => kill(names, host),
    destroy: () => destroy(context, names),
    snapshots: {
      save: async (testbed, hosts, signal) => {
        const fleet = await prepareFleet({ ...context, progress: () => {} }, names, testbed)
        requireHosts(testbed, hosts)
        await saveMachines({ ...fleet, context }, hosts, signal)
      },
    },
  }
}

async function conflicts(names: VagrantNames, testbed: ResolvedTestbed): Promise<Conflict[]> {
  const hypervisor = await chooseHypervisor(names, testbed)
  return networkConflicts(
    testbed,
    hypervisor.name,
    await machineRoutes(),
    await hypervisor.links(names),
    await virtualBoxRanges(),
  )
}

async function create(
  context: ProviderContext,
  names: VagrantNames,
  testbed: ResolvedTestbed,
  signal: AbortSignal,
): Promise<HostAddress[]> {
  await killStrays(context, names)
  const fleet = await prepareFleet(context, names, testbed)
  const found = await fleet.hypervisor.machines(names)
  const finished = await finishedHosts(fleet, found)
  const foreign = found
    .flatMap(({ name }) => names.hostOfMachine(name) ?? [])
    .filter((name) => !testbed.hosts.some((host) => host.name === name))
  await removeMachines(fleet, foreign)
  const keep = testbed.hosts.filter(({ name }) => finished.has(name))
  await Promise.all(keep.map((host) => waitForSsh(fleet, host, signal)))
  await makeAnew(
    fleet,
    testbed.hosts.filter((host) => !keep.includes(host)).map(({ name }) => name),
    signal,
  )
  return await Promise.all(testbed.hosts.map((host) => ownAddress(context, host)))
}

async function reset(
  context: ProviderContext,
  names: VagrantNames,
  testbed: ResolvedTestbed,
  hosts: readonly HostName[],
  signal: AbortSignal,
): Promise<HostAddress[]> {
  await killStrays(context, names)
  const fleet = await prepareFleet(context, names, testbed)
  requireHosts(testbed, hosts)
  await makeAnew(fleet, hosts, signal)
  const addresses = testbed.hosts.map((host) => ownAddress(context, host))
  return (await Promise.all(addresses)).filter(({ name }) => hosts.includes(name))
}

/** From the snapshot where there is one that fits, else from the box. */
async function makeAnew(fleet: Fleet, hosts: readonly HostName[], signal: AbortSignal): Promise<void> {
  const { testbed, names, hypervisor, snapshot } = fleet
  const saved = new Set<HostName>()
  for (const name of hosts) {
    if (await hypervisor.hasSnapshot(names.machine(name), snapshot)) saved.add(name)
  }
  const wanted = testbed.hosts.filter(({ name }) => hosts.includes(name))
  const fromBox = wanted.filter(({ name }) => !saved.has(name))
  await removeMachines(
    fleet,
    fromBox.map(({ name }) => name),
  )
  signal.throwIfAborted()
  await Promise.all([
    restoreMachines(
      fleet,
      wanted.filter(({ name }) => saved.has(name)),
      signal,
    ),
    makeMachines(fleet, fromBox, signal),
  ])
}

/** Every host of which anything is left: a machine, or the intention to make one. */
async function list(names: VagrantNames): Promise<HostStatus[]> {
  const found = (await allMachines(names)).map(({ machine }) => machine)
  const intended = (await readMachines(names))?.hosts.map(({ name }) => name) ?? []
  const all = new Set([...intended, ...found.flatMap(({ name }) => names.hostOfMachine(name) ?? [])])
  return [...all].sort().map((name): HostStatus => {
    const running = found.some((machine) => machine.name === names.machine(name) && machine.running)
    return { name, state: running ? 'running' : 'dead' }
  })
}

async function kill(names: VagrantNames, host: HostName): Promise<void> {
  for (const { hypervisor, machine } of await allMachines(names)) {
    if (machine.name === names.machine(host)) await hypervisor.powerOff(machine.name)
  }
}

async function destroy(context: ProviderContext, names: VagrantNames): Promise<void> {
  await killStrays(context, names)
  const written = await readMachines(names)
  const usable = await usableHypervisors()
  if (written !== undefined && !usable.some(({ name }) => name === written.hypervisor)) {
    throw new TestbedError(
      'prerequisite',
      `${written.hypervisor} does not answer, and has machines of ours`,
      {
        hint: 'start it, then take the testbed down again; testbed doctor --provider vagrant tells what it lacks',
      },
    )
  }
  // Vagrant asks a machine that runs for its address, and waits long for one that is half up.
  for (const { hypervisor, machine } of await allMachines(names)) {
    if (machine.running) await hypervisor.powerOff(machine.name)
  }
  if (written !== undefined) {
    await step(context.progress, 'vagrant destroy', () =>
      vagrant(context, names, {
        args: ['destroy', '--force', '--parallel'],
        hypervisor: written.hypervisor,
        timeoutMs: destroyMs,
      }).catch((error: unknown) => {
        // What it could not remove is removed below.
        context.progress({ kind: 'warning', text: messageOf(error) })
      }),
    )
  }
  for (const { hypervisor, machine } of await allMachines(names)) await hypervisor.remove(machine.name)
  for (const hypervisor of usable) await hypervisor.removeRest(names)
  await rm(names.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
}

async function allMachines(
  names: VagrantNames,
): Promise<{ hypervisor: Hypervisor; machine: FoundMachine }[]> {
  const found = (await usableHypervisors()).map(async (hypervisor) =>
    (await hypervisor.machines(names)).map((machine) => ({ hypervisor, machine })),
  )
  return (await Promise.all(found)).flat()
}

async function usableHypervisors(): Promise<Hypervisor[]> {
  const checks = await checkHypervisors()
  return checks.filter(({ requirement }) => requirement.satisfied).map(({ hypervisor }) => hypervisor)
}
