import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { HostName, ResolvedHost, ResolvedTestbed } from '../../config/resolved.ts'
import { messageOf, TestbedError } from '../../core/errors.ts'
import { step } from '../../core/progress.ts'
import type { HostAddress } from '../../hosts/address.ts'
import { prepareGuestImage } from '../images/guest-image.ts'
import { findConflicts } from '../local/conflicts.ts'
import { type Names, namesFor } from '../local/names.ts'
import { createNetworks, networksStand, removeNetworks } from '../local/network.ts'
import type { HostStatus, Provider, ProviderContext } from '../provider.ts'
import { requireHosts } from '../require-hosts.ts'
import { together } from '../together.ts'
import { chooseAccelerator, tryKvm } from './accelerator.ts'
import { bake, isBaked, provisionedImage } from './bake.ts'
import { checkMachine } from './check.ts'
import {
  addressOf,
  bootHost,
  canRestore,
  ensureKeys,
  type Fleet,
  fittingDigest,
  restoreHost,
  vmOf,
} from './hosts.ts'
import { findVm, findVms, killVm } from './labels.ts'
import { waitForRest } from './rest.ts'
import { saveSnapshot } from './snapshot.ts'
import { ensureSwitch, switchName } from './user-switch.ts'
import { isStuck, removeVm, stateOf, talkTo, waitForBoot } from './vm.ts'
import { networkKind, withoutClient } from './wiring.ts'

/** Hosts that are virtual machines, each a QEMU of its own on this machine, put back to a live snapshot in a second or two. */
export function createQemuProvider(context: ProviderContext): Provider {
  const names = namesFor(context.stateFolder)
  return {
    name: 'qemu',
    check: () => checkMachine(context),
    emulates: async () => !(await tryKvm(context)).works,
    unmeasurable: withoutClient,
    conflicts: async (testbed) => (networkKind(testbed) === 'tap' ? await findConflicts(testbed, names) : []),
    create: (testbed, signal) => create(context, names, testbed, signal),
    list: () => list(context, names),
    reset: (testbed, hosts, signal) => reset(context, names, testbed, hosts, signal),
    kill: (host) => killVm(names.id, host, context.clock),
    destroy: () => destroy(context, names),
    baking: {
      isBaked: (testbed) => isBaked(context, testbed),
      bake: (testbed, provision, signal) => bake(context, names, testbed, provision, signal),
    },
    snapshots: {
      save: (testbed, hosts, signal) => save(context, names, testbed, hosts, signal),
    },
  }
}

async function prepare(
  context: ProviderContext,
  names: Names,
  testbed: ResolvedTestbed,
  signal: AbortSignal,
): Promise<Fleet> {
  await ensureKeys(
    context,
    testbed.hosts.map(({ name }) => name),
  )
  const base = await prepareGuestImage(context, testbed, signal)
  const image = await provisionedImage(context, testbed, base)
  const { accelerator, why } = await chooseAccelerator(context, testbed, image.boot?.kernel)
  context.progress({ kind: 'note', text: `accelerator ${accelerator}: ${why}` })
  return { context, names, testbed, image, accelerator }
}

async function create(
  context: ProviderContext,
  names: Names,
  testbed: ResolvedTestbed,
  signal: AbortSignal,
): Promise<HostAddress[]> {
  const fleet = await prepare(context, names, testbed, signal)
  await ensureNetworks(fleet, signal)
  const wanted = new Set(testbed.hosts.map(({ name }) => name))
  for (const { name } of await list(context, names)) {
    if (!wanted.has(name)) await removeVm(vmOf(fleet, name))
  }
  return await together(testbed.hosts, signal, async (host, signal) => {
    if (await isUsable(fleet, host))
      await waitForBoot(vmOf(fleet, host.name), await addressOf(fleet, host), signal)
    else await makeAnew(fleet, host, signal)
    return await addressOf(fleet, host)
  })
}

/** Runs, and not only because a program was killed before it let the machine go on. */
async function isUsable(fleet: Fleet, host: ResolvedHost): Promise<boolean> {
  const process = await findVm(fleet.names.id, host.name)
  return process !== undefined && (await stateOf(vmOf(fleet, host.name), process)) === 'running'
}

/** From its snapshot where it has one that fits, else from the image. */
async function makeAnew(fleet: Fleet, host: ResolvedHost, signal: AbortSignal): Promise<void> {
  const { context, names } = fleet
  const where = { host: host.name }
  const process = await findVm(names.id, host.name)
  const state = process === undefined ? undefined : await stateOf(vmOf(fleet, host.name), process)
  // One that is stuck, was never let go on, or does not answer is no place to load anything into.
  if (state !== 'running' && state !== 'paused') await killVm(names.id, host.name, context.clock)
  if (await canRestore(fleet, host)) {
    try {
      await step(context.progress, 'restore', () => restoreHost(fleet, host, signal), where)
      return
    } catch (error) {
      signal.throwIfAborted()
      const text = `its snapshot cannot be used, it is booted instead: ${messageOf(error)}`
      context.progress({ kind: 'warning', text, ...where })
    }
  }
  await step(context.progress, 'start', () => bootHost(fleet, host, signal), where)
}

/** Machines hang on the networks: where these are not whole, every machine is made anew. */
async function ensureNetworks({ context, names, testbed }: Fleet, signal: AbortSignal): Promise<void> {
  if (networkKind(testbed) === 'user') {
    await ensureSwitch(context, names, testbed, signal)
    return
  }
  if (await networksStand(names)) return
  for (const { host } of await findVms(names.id)) await killVm(names.id, host, context.clock)
  await step(context.progress, 'create networks', () => createNetworks(testbed, names, context.stateFolder))
}

async function reset(
  context: ProviderContext,
  names: Names,
  testbed: ResolvedTestbed,
  hosts: readonly HostName[],
  signal: AbortSignal,
): Promise<HostAddress[]> {
  const wanted = requireHosts(testbed, hosts)
  const fleet = await prepare(context, names, testbed, signal)
  await ensureNetworks(fleet, signal)
  return await together(wanted, signal, async (host, signal) => {
    await makeAnew(fleet, host, signal)
    return await addressOf(fleet, host)
  })
}

async function save(
  context: ProviderContext,
  names: Names,
  testbed: ResolvedTestbed,
  hosts: readonly HostName[],
  signal: AbortSignal,
): Promise<void> {
  const fleet = await prepare({ ...context, progress: () => {} }, names, testbed, signal)
  await together(requireHosts(testbed, hosts), signal, async (host, signal) => {
    const { name } = host
    const vm = vmOf(fleet, name)
    const digest = await fittingDigest(fleet, host)
    const process = await findVm(names.id, name)
    if (process === undefined) {
      throw new TestbedError('testbed', 'it does not run, so there is nothing to save', { where: name })
    }
    const job = { host: name, clock: context.clock, signal }
    const saveAtRest = async () => {
      await waitForRest(process.pid, context.clock, signal)
      await talkTo(vm, process, signal, (qmp) => saveSnapshot(qmp, names.folder(name), digest, job))
    }
    await step(context.progress, 'save a snapshot', saveAtRest, { host: name })
  })
}

/** Every host of which anything is left: a QEMU or a folder. */
async function list(context: ProviderContext, names: Names): Promise<HostStatus[]> {
  const folders = await readdir(join(context.stateFolder, 'hosts')).catch(() => [])
  const vms = await findVms(names.id)
  const all = new Set([...folders, ...vms.map(({ host }) => host)])
  all.delete(switchName)
  return await Promise.all(
    [...all].sort().map(async (name): Promise<HostStatus> => {
      const vm = vms.find(({ host }) => host === name)
      const dead = vm === undefined || isStuck(await stateOf(vmOf({ context, names }, name), vm))
      return { name, state: dead ? 'dead' : 'running' }
    }),
  )
}

async function destroy(context: ProviderContext, names: Names): Promise<void> {
  await Promise.all(
    (await list(context, names)).map(({ name }) =>
      step(context.progress, 'remove', () => removeVm(vmOf({ context, names }, name)), { host: name }),
    ),
  )
  await removeVm(vmOf({ context, names }, switchName))
  if (process.getuid?.() === 0) await removeNetworks(names)
  await rm(join(context.stateFolder, 'hosts'), { recursive: true, force: true })
}
