import { mkdir, readdir, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { takeLock } from '../../core/lock.ts'
import type { Fleet } from './fleet.ts'

/**
 * Runs `make`, which starts machines from the box. Vagrant takes whatever has the name of the box's image for the image: what
 * a killed one had copied halfway into libvirt's pool, or what another one is copying right now. So the first is removed, and
 * only one program at a time copies.
 */
export async function withBoxImage(
  fleet: Fleet,
  signal: AbortSignal,
  make: () => Promise<void>,
): Promise<void> {
  const { context, hypervisor, box } = fleet
  const sizes = await imageSizes(box)
  const images = () => hypervisor.boxImages(box)
  const isWhole = ({ bytes }: { readonly bytes: number }) => sizes.has(bytes)
  if ((await images()).some(isWhole)) return await make()
  await mkdir(context.cacheFolder, { recursive: true })
  const release = await takeLock(join(context.cacheFolder, 'vagrant-box.lock'), {
    what: `the copy of box ${box}`,
    hint: 'wait for it to end, then try again',
    waitMs: 30 * 60_000,
    signal,
  })
  try {
    for (const image of await images()) {
      // Of a box that is not here nothing is known, and so nothing is removed.
      if (sizes.size > 0 && !isWhole(image)) await image.remove()
    }
    await make()
  } finally {
    await release()
  }
}

/** Sizes of the box's files, of every version that Vagrant has. */
async function imageSizes(box: string): Promise<Set<number>> {
  const home = process.env.VAGRANT_HOME ?? join(homedir(), '.vagrant.d')
  const folder = join(home, 'boxes', box.replaceAll('/', '-VAGRANTSLASH-'))
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  const files = entries.filter((entry) => entry.isFile())
  const found = files.map(async ({ parentPath, name }) => (await stat(join(parentPath, name))).size)
  return new Set(await Promise.all(found))
}
