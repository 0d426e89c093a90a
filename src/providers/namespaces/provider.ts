import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { HostName, ResolvedHost, ResolvedTestbed } from '../../config/resolved.ts'
import { exists } from '../../core/exists.ts'
import { step } from '../../core/progress.ts'
import type { HostAddress } from '../../hosts/address.ts'
import { ensureKeyPair } from '../../hosts/keys.ts'
import { findConflicts } from '../local/conflicts.ts'
import { type Names, namesFor } from '../local/names.ts'
import { createNetworks, networksStand, removeNetworks } from '../local/network.ts'
import { ownAddress } from '../own-address.ts'
import type { HostStatus, Provider, ProviderContext, Requirement } from '../provider.ts'
import { requireHosts } from '../require-hosts.ts'
import { requireFileSystem, requireProgram, requireRoot } from '../requirements.ts'
import { together } from '../together.ts'
import { killGroup, listGroups, processesOf } from './cgroups.ts'
import { bootHost, removeHost, seedHost, waitForSsh } from './host.ts'
import { createHostNetwork, listNetns, removeHostNetwork } from './host-network.ts'
import { findImageConflicts } from './image.ts'
import { bakeLayer, layersOf, locateLayer } from './layer.ts'

/** Hosts made of Linux namespaces on this machine: an overlay over one provisioned image, an address on two networks, sshd. */
export function createNamespacesProvider(context: ProviderContext): Provider {
  const names = namesFor(context.stateFolder)
  return {
    name: 'namespaces',
    check: () => checkMachine(),
    conflicts: async (testbed) => [
      ...(await findImageConflicts(context, testbed)),
      ...(await findConflicts(testbed, names)),
    ],
    create: (testbed, signal) => create(context, names, testbed, signal),
    list: () => list(context, names),
    reset: (testbed, hosts, signal) => reset(context, names, testbed, hosts, signal),
    kill: (host) => killGroup(names.id, host, context.clock),
    destroy: () => destroy(context, names),
    baking: {
      isBaked: async (testbed) => await exists(await locateLayer(context, testbed)),
      bake: (testbed, provision, signal) => bakeLayer(context, names, testbed, provision, signal),
    },
  }
}

async function checkMachine(): Promise<Requirement[]> {
  return [
    { name: 'Linux', satisfied: process.platform === 'linux', hint: 'namespace hosts need a Linux machine' },
    requireRoot(),
    await requireProgram('ip', 'iproute2'),
    await requireProgram('unshare', 'util-linux'),
    await requireProgram('nsenter', 'util-linux'),
    await requireProgram('setpriv', 'util-linux'),
    await requireProgram('mmdebstrap', 'mmdebstrap'),
    await requireFileSystem('overlay'),
  ]
}

async function create(
  context: ProviderContext,
  names: Names,
  testbed: ResolvedTestbed,
  signal: AbortSignal,
): Promise<HostAddress[]> {
  await ensureNetworks(context, names, testbed)
  const wanted = new Set(testbed.hosts.map((host) => host.name))
  const running = new Set<string>()
  for (const { name, state } of await list(context, names)) {
    if (state === 'running' && wanted.has(name)) running.add(name)
    else await discard(context, names, name, { keepDisk: wanted.has(name) })
  }
  return await together(testbed.hosts, signal, async (host, signal) => {
    const address = await ownAddress(context, host)
    if (running.has(host.name)) await waitForSsh(context, names, address, signal)
    else
      await step(context.progress, 'start', () => start(context, names, testbed, host, signal), {
        host: host.name,
      })
    return address
  })
}

/** Hosts hang on the networks: where these are not whole, everything is made anew. */
async function ensureNetworks(
  context: ProviderContext,
  names: Names,
  testbed: ResolvedTestbed,
): Promise<void> {
  if (await networksStand(names)) return
  for (const { name } of await list(context, names)) await discard(context, names, name, { keepDisk: true })
  await step(context.progress, 'create networks', () => createNetworks(testbed, names, context.stateFolder))
}

async function reset(
  context: ProviderContext,
  names: Names,
  testbed: ResolvedTestbed,
  hosts: readonly HostName[],
  signal: AbortSignal,
): Promise<HostAddress[]> {
  await ensureNetworks(context, names, testbed)
  return await together(requireHosts(testbed, hosts), signal, async (host, signal) => {
    const where = { host: host.name }
    await step(context.progress, 'remove', () => discard(context, names, host.name), where)
    await step(context.progress, 'start', () => start(context, names, testbed, host, signal), where)
    return await ownAddress(context, host)
  })
}

async function start(
  context: ProviderContext,
  names: Names,
  testbed: ResolvedTestbed,
  host: ResolvedHost,
  signal: AbortSignal,
): Promise<void> {
  const folder = names.folder(host.name)
  await mkdir(folder, { recursive: true })
  await createHostNetwork(testbed, host, names)
  const keys = join(context.stateFolder, 'keys')
  await seedHost(context, folder, {
    name: host.name,
    publicKey: (await ensureKeyPair(keys, 'login')).publicKey,
    hostKey: await ensureKeyPair(keys, host.name),
    listen: { address: host.mgmtAddress, port: 22 },
    neighbours: testbed.hosts.map((one) => `${one.mgmtAddress} ${one.name}`),
  })
  signal.throwIfAborted()
  await bootHost(context, names, host.name, folder, names.netns(host.name), await layersOf(context, testbed))
  await waitForSsh(context, names, await ownAddress(context, host), signal)
}

/** Every host of which anything is left: a namespace, a cgroup or a folder. */
async function list(context: ProviderContext, names: Names): Promise<HostStatus[]> {
  const folders = await readdir(join(context.stateFolder, 'hosts')).catch(() => [])
  const fromNetns = (await listNetns()).flatMap((netns) => names.hostOfNetns(netns) ?? [])
  const all = new Set([...folders, ...fromNetns, ...(await listGroups(names.id))])
  return await Promise.all(
    [...all].sort().map(async (name): Promise<HostStatus> => {
      const processes = await processesOf(names.id, name)
      return { name, state: processes.length > 0 ? 'running' : 'dead' }
    }),
  )
}

async function discard(
  context: ProviderContext,
  names: Names,
  host: HostName,
  options: { readonly keepDisk?: boolean } = {},
): Promise<void> {
  await removeHost(context, names, host, names.folder(host), options)
  await removeHostNetwork(host, names)
}

async function destroy(context: ProviderContext, names: Names): Promise<void> {
  const hosts = await list(context, names)
  await Promise.all(
    hosts.map(({ name }) =>
      step(context.progress, 'remove', () => discard(context, names, name), { host: name }),
    ),
  )
  await removeNetworks(names)
  await rm(join(context.stateFolder, 'hosts'), { recursive: true, force: true })
}
