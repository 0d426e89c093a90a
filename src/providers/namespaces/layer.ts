import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ResolvedTestbed } from '../../config/resolved.ts'
import { buildOnce } from '../../core/build-once.ts'
import { freePort } from '../../core/free-port.ts'
import { machinePackageSource } from '../../core/packages.ts'
import { mustRunLocal } from '../../core/process.ts'
import type { HostAddress } from '../../hosts/address.ts'
import { ensureKeyPair } from '../../hosts/keys.ts'
import { installedDigest } from '../installed-digest.ts'
import type { Names } from '../local/names.ts'
import type { ProviderContext } from '../provider.ts'
import { bootHost, removeHost, seedHost, waitForSsh } from './host.ts'
import { ensureImage, imageOf, locateImage } from './image.ts'

/** The builder is a host like any other, so that what a crash leaves of it is found and removed the same way. */
const builder = '_builder'

/** Where the layer with everything provisioned is: named by the digests of image, provision scripts and components. */
export async function locateLayer(context: ProviderContext, testbed: ResolvedTestbed): Promise<string> {
  const image = await locateImage(context, imageOf(testbed))
  const digest = await installedDigest(context, testbed, image.digest)
  return join(context.cacheFolder, 'layers', `${imageOf(testbed)}-${digest}`)
}

/** The lowerdir list of a provisioned host. */
export async function layersOf(context: ProviderContext, testbed: ResolvedTestbed): Promise<string[]> {
  const image = await locateImage(context, imageOf(testbed))
  return [join(await locateLayer(context, testbed), 'upper'), image.rootfs]
}

/** Provisions one host on the machine's own network and keeps what that changed as a layer. */
export async function bakeLayer(
  context: ProviderContext,
  names: Names,
  testbed: ResolvedTestbed,
  provision: (address: HostAddress) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const image = await ensureImage(context, imageOf(testbed), signal)
  await buildOnce(await locateLayer(context, testbed), signal, async (temporary) => {
    const folder = join(temporary, 'builder')
    await removeHost(context, names, builder, folder)
    const keys = join(context.stateFolder, 'keys')
    const [login, hostKey] = [await ensureKeyPair(keys, 'login'), await ensureKeyPair(keys, builder)]
    const port = await freePort()
    await seedHost(context, folder, {
      name: builder,
      publicKey: login.publicKey,
      hostKey,
      listen: { address: '127.0.0.1', port },
      neighbours: [],
    })
    await usePackageSource(join(folder, 'upper'))
    const address: HostAddress = {
      name: builder,
      host: '127.0.0.1',
      port,
      user: 'root',
      privateKey: login.path,
      hostKey: hostKey.publicKey,
      mgmtAddress: '127.0.0.1',
    }
    try {
      await bootHost(context, names, builder, folder, '-', [image.rootfs])
      await waitForSsh(context, names, address, signal)
      await provision(address)
      await cleanLayer(join(folder, 'upper'))
      await rename(join(folder, 'upper'), join(temporary, 'upper'))
    } finally {
      await removeHost(context, names, builder, folder)
    }
  })
}

/** The builder reaches packages as this machine does: its resolver and its apt settings, for as long as it lives. */
async function usePackageSource(upper: string): Promise<void> {
  const { aptOptions } = await machinePackageSource()
  await mkdir(join(upper, 'etc/apt/apt.conf.d'), { recursive: true })
  await writeFile(
    join(upper, 'etc/apt/apt.conf.d/90machine'),
    aptOptions.map((option) => `${option};\n`).join(''),
  )
  await mustRunLocal(['cp', '--dereference', '/etc/resolv.conf', join(upper, 'etc/resolv.conf')])
}

/** Takes out of the layer what belongs to the builder alone. */
async function cleanLayer(upper: string): Promise<void> {
  const own = [
    'etc/apt/apt.conf.d/90machine',
    'etc/hostname',
    'etc/hosts',
    'etc/machine-id',
    'etc/resolv.conf',
    'etc/ssh',
    'root/.ssh',
    'run',
    'tmp',
    'var/cache/apt',
    'var/lib/apt/lists',
    'var/log/apt',
    'var/log/criu/verify',
    'var/log/dpkg.log',
  ]
  for (const path of own) await rm(join(upper, path), { recursive: true, force: true })
}
