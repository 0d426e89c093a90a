import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { macOf } from '../../config/addresses.ts'
import type { ResolvedHost, ResolvedTestbed } from '../../config/resolved.ts'
import { digestOf, digestOfFolders } from '../../core/digest.ts'
import { freePort } from '../../core/free-port.ts'
import type { HostAddress } from '../../hosts/address.ts'
import { ensureKeyPair } from '../../hosts/keys.ts'
import type { GuestImage } from '../images/guest-image.ts'
import { seedGuest } from '../images/seed.ts'
import type { Names } from '../local/names.ts'
import { ownAddress } from '../own-address.ts'
import type { ProviderContext } from '../provider.ts'
import { createDisk } from './disk.ts'
import { findVm, labelArgument, tapName } from './labels.ts'
import {
  type Accelerator,
  type Machine,
  machineArguments,
  natMac,
  serviceCardMac,
  sshPortOf,
} from './machine.ts'
import { loadSnapshot, snapshotDigest } from './snapshot.ts'
import { qemuVersion } from './version.ts'
import {
  consoleLogFor,
  removeVm,
  resume,
  startQemu,
  talkTo,
  type VmContext,
  waitForBoot,
  waitForRestored,
  whileItRuns,
} from './vm.ts'
import { networkKind, plugTaps } from './wiring.ts'

/** What the virtual machines of a testbed have in common. */
export interface Fleet {
  readonly context: ProviderContext
  readonly names: Names
  readonly testbed: ResolvedTestbed
  readonly image: GuestImage
  readonly accelerator: Accelerator
}

export function vmOf({ context, names }: Pick<Fleet, 'context' | 'names'>, host: string): VmContext {
  return { context, names, host }
}

/** Makes the keys that are missing, one after the other: hosts that start at once must not each make a login key of their own. */
export async function ensureKeys(context: ProviderContext, names: readonly string[]): Promise<void> {
  for (const name of ['login', ...names]) await ensureKeyPair(join(context.stateFolder, 'keys'), name)
}

/** Starts a host from the image. On failure nothing is left of it but its logs. */
export async function bootHost(fleet: Fleet, host: ResolvedHost, signal: AbortSignal): Promise<void> {
  const vm = vmOf(fleet, host.name)
  const folder = fleet.names.folder(host.name)
  try {
    await removeVm(vm)
    await mkdir(folder, { recursive: true })
    await createDisk(fleet, join(folder, 'disk.qcow2'))
    const process = await launch(fleet, host, signal)
    await resume(vm, process, signal)
    await waitForBoot(vm, await addressOf(fleet, host), signal)
  } catch (error) {
    // An interrupted boot goes on by itself, and the next `up` waits for it.
    if (!signal.aborted) await removeVm(vm)
    throw error
  }
}

/** Puts a host back to its snapshot: in the QEMU that runs, else in a new one. */
export async function restoreHost(fleet: Fleet, host: ResolvedHost, signal: AbortSignal): Promise<void> {
  const vm = vmOf(fleet, host.name)
  const job = { host: host.name, clock: fleet.context.clock, signal }
  const running = await findVm(fleet.names.id, host.name)
  const process = running ?? (await launch(fleet, host, signal))
  await talkTo(vm, process, signal, async (qmp) => {
    await loadSnapshot(qmp, job)
    await qmp.ask('cont')
  })
  await waitForRestored(vm, await addressOf(fleet, host), signal)
}

/** A QEMU with the host's disk, on its networks, standing still. */
async function launch(fleet: Fleet, host: ResolvedHost, signal: AbortSignal) {
  const vm = vmOf(fleet, host.name)
  const seed = await seedHost(fleet, host, signal)
  const port = networkKind(fleet.testbed) === 'user' ? await freePort() : 0
  const process = await startQemu(vm, machineArguments(machineOf(fleet, host, seed, port)), signal)
  if (networkKind(fleet.testbed) === 'tap')
    await whileItRuns(vm, signal, () => plugTaps(fleet.names, host.name))
  return process
}

async function seedHost(fleet: Fleet, host: ResolvedHost, signal: AbortSignal): Promise<readonly string[]> {
  const { context, names, testbed, image } = fleet
  const keys = join(context.stateFolder, 'keys')
  const { mgmt, service } = testbed.networks
  return await seedGuest(
    image,
    names.folder(host.name),
    {
      name: host.name.replace(/^_/, ''), // names that no host can have start with _
      machineId: digestOf(`${context.stateFolder}/${host.name}`, 32),
      publicKey: (await ensureKeyPair(keys, 'login')).publicKey,
      hostKey: await ensureKeyPair(keys, host.name),
      neighbours: testbed.hosts.map((one) => `${one.mgmtAddress} ${one.name}`),
      mgmt: { mac: macOf(host.mgmtAddress), address: host.mgmtAddress, prefixLength: mgmt.prefixLength },
      service: {
        mac: macOf(host.serviceAddress),
        nicMac: serviceCardMac(host),
        address: host.serviceAddress,
        prefixLength: service.prefixLength,
      },
      nat: { mac: natMac(host) },
    },
    signal,
  )
}

function machineOf(fleet: Fleet, host: ResolvedHost, seed: readonly string[], sshPort: number): Machine {
  const { names, testbed, image, accelerator } = fleet
  const { id } = names
  return {
    label: labelArgument(id, host.name),
    accelerator,
    vm: testbed.vm,
    host,
    wiring:
      networkKind(testbed) === 'tap'
        ? { kind: 'tap', mgmt: tapName(id, 'mgmt', host.name), service: tapName(id, 'service', host.name) }
        : { kind: 'user', sshPort },
    image,
    seed,
    consoleLog: consoleLogFor(host.name),
  }
}

/** Of everything that decides whether a snapshot of the host fits: image, provision scripts, QEMU and its arguments. */
export async function fittingDigest(fleet: Fleet, host: ResolvedHost): Promise<string> {
  const { context, testbed, image } = fleet
  const scripts = await digestOfFolders([join(context.projectFolder, 'provision')])
  const neighbours = testbed.hosts.map((one) => `${one.mgmtAddress} ${one.name}`)
  const machine = machineArguments(machineOf(fleet, host, [], 0))
  const { components, sources } = testbed
  const parts = [image.digest, scripts, components, sources, neighbours, await qemuVersion(), machine]
  return digestOf(JSON.stringify(parts))
}

/** True when the host's folder holds a snapshot of what it would be made as now. */
export async function canRestore(fleet: Fleet, host: ResolvedHost): Promise<boolean> {
  const saved = await snapshotDigest(fleet.names.folder(host.name))
  return saved !== undefined && saved === (await fittingDigest(fleet, host))
}

export async function addressOf(
  { context, names, testbed }: Pick<Fleet, 'context' | 'names' | 'testbed'>,
  host: ResolvedHost,
): Promise<HostAddress> {
  const address = await ownAddress(context, host)
  if (networkKind(testbed) === 'tap') return address
  const vm = await findVm(names.id, host.name)
  return { ...address, host: '127.0.0.1', port: sshPortOf(vm?.argv ?? []) ?? 0 }
}
