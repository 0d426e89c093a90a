import { copyFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ResolvedHost, ResolvedTestbed } from '../../config/resolved.ts'
import { buildOnce } from '../../core/build-once.ts'
import { exists } from '../../core/exists.ts'
import { machinePackageSource } from '../../core/packages.ts'
import { step } from '../../core/progress.ts'
import { poll } from '../../core/retry.ts'
import type { HostAddress } from '../../hosts/address.ts'
import { runChecked } from '../../hosts/checked.ts'
import { connectHost } from '../../hosts/ssh-host.ts'
import { type GuestImage, locateGuestImage, prepareGuestImage } from '../images/guest-image.ts'
import { installedDigest } from '../installed-digest.ts'
import type { Names } from '../local/names.ts'
import type { ProviderContext } from '../provider.ts'
import { chooseAccelerator } from './accelerator.ts'
import { addressOf, bootHost, type Fleet, vmOf } from './hosts.ts'
import { findVm } from './labels.ts'
import { removeVm } from './vm.ts'

/** No host can have this name; what a crash leaves of it is found and removed like a host. */
const builder = '_builder'
const powerOffMs = 120_000

/** What the hosts of the testbed stand on: the image, or a disk on top of it that has the components. */
export async function provisionedImage(
  context: ProviderContext,
  testbed: ResolvedTestbed,
  image: GuestImage,
): Promise<GuestImage> {
  if (image.components === 'installed') return image
  const digest = await installedDigest(context, testbed, image.digest)
  const disk = join(context.cacheFolder, 'layers', `vm-${image.name}-${digest}`, 'disk.qcow2')
  return { ...image, digest, disk, components: 'installed' }
}

export async function isBaked(context: ProviderContext, testbed: ResolvedTestbed): Promise<boolean> {
  const { image, present } = await locateGuestImage(context, testbed)
  if (image.components === 'installed') return present
  return await exists(join((await provisionedImage(context, testbed, image)).disk, '..'))
}

/** Fetches the image, and where the components are not in it has them installed in one machine, whose disk is kept. */
export async function bake(
  context: ProviderContext,
  names: Names,
  testbed: ResolvedTestbed,
  provision: (address: HostAddress) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const image = await prepareGuestImage(context, testbed, signal)
  if (image.components === 'installed') return
  const { disk } = await provisionedImage(context, testbed, image)
  const { accelerator } = await chooseAccelerator(context, testbed, image.boot?.kernel)
  await buildOnce(join(disk, '..'), signal, async (temporary) => {
    const { mgmt, service } = testbed.networks
    const host: ResolvedHost = {
      name: builder,
      mgmtAddress: mgmt.machineAddress,
      serviceAddress: service.machineAddress,
    }
    // Through a forwarded port, as whoever has no root reaches his hosts: it is on none of the testbed's networks.
    const alone: ResolvedTestbed = { ...testbed, hosts: [host], vm: { ...testbed.vm, network: 'user' } }
    const fleet: Fleet = { context, names, testbed: alone, image, accelerator }
    try {
      await step(context.progress, 'start a machine to provision', () => bootHost(fleet, host, signal))
      const address = await addressOf(fleet, host)
      await usePackageSource(address, signal)
      await provision(address)
      await powerOff(fleet, address, signal)
      // Not renamed: state and cache may be on different file systems.
      await copyFile(join(names.folder(builder), 'disk.qcow2'), join(temporary, 'disk.qcow2'))
      await rm(names.logs(builder), { recursive: true, force: true })
    } finally {
      await removeVm(vmOf(fleet, builder))
    }
  })
}

const machineSettings = '/etc/apt/apt.conf.d/90machine'

/** The builder reaches packages as this machine does. */
async function usePackageSource(address: HostAddress, signal: AbortSignal): Promise<void> {
  const { aptOptions } = await machinePackageSource()
  const host = await connectHost(address, signal)
  try {
    const input = aptOptions.map((option) => `${option};\n`).join('')
    await runChecked(host, ['sh', '-c', `cat >${machineSettings}`], {
      input,
      signal,
      what: 'settings of apt',
    })
  } finally {
    host.close()
  }
}

/** Takes out what belongs to the builder alone, then switches it off, so that its disk is whole. */
async function powerOff({ context, names }: Fleet, address: HostAddress, signal: AbortSignal): Promise<void> {
  const host = await connectHost(address, signal)
  const own = [machineSettings, '/etc/ssh/ssh_host_*', '/etc/machine-id', '/var/lib/apt/lists/*', '/tmp/*']
  const script = [
    'apt-get clean',
    `rm -rf ${own.join(' ')}`,
    ': >/etc/machine-id',
    // A cloud image reads its seed once, unless it forgets that it did.
    '! command -v cloud-init >/dev/null || cloud-init clean --logs --seed',
    'sync',
    'systemctl --no-block poweroff',
  ].join('; ')
  try {
    await runChecked(host, ['sh', '-c', script], { timeoutMs: 60_000, signal, what: 'switching off' })
  } finally {
    host.close()
  }
  await poll(async () => ((await findVm(names.id, builder)) === undefined ? true : undefined), {
    what: 'end of the machine',
    where: builder,
    timeoutMs: powerOffMs,
    intervalMs: 200,
    clock: context.clock,
    signal,
  })
}
