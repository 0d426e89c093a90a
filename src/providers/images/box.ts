import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ResolvedTestbed } from '../../config/resolved.ts'
import { buildOnce } from '../../core/build-once.ts'
import { digestOfFolders } from '../../core/digest.ts'
import { TestbedError } from '../../core/errors.ts'
import { dieTogether, lastLines, runLocal } from '../../core/process.ts'
import { step } from '../../core/progress.ts'
import type { ProviderContext, Requirement } from '../provider.ts'
import { installHint, missingPackages, requireProgram } from '../requirements.ts'
import { prepareGuestImage } from './guest-image.ts'
import { runLogged } from './logged.ts'

/**
 * What a Vagrantfile calls the box that is made here. It is for libvirt (`config.vm.box = 'migration-testbed/debian-13'`), boots
 * itself from a virtio disk by BIOS, and needs no kernel or initrd among the domain's settings. Its first NIC is `eth0` with
 * DHCP; the others are left alone. User `vagrant` with Vagrant's insecure key, sudo without a password.
 */
export const boxName = 'migration-testbed/debian-13'

const image = 'debian-13'
const packTimeoutMs = 10 * 60_000

export interface PackedBox {
  /** The box file, absolute. */
  readonly box: string
  /** JSON that `vagrant box add` takes; it names the box and its version. */
  readonly catalog: string
  /** Rises with time: `20261122.53412.0`. */
  readonly version: string
}

/** Packs the debian-13 guest image, with the testbed's components, as a Vagrant box; once for each digest. */
export async function packBox(
  context: ProviderContext,
  testbed: ResolvedTestbed,
  signal: AbortSignal,
): Promise<PackedBox> {
  const missing = (await boxRequirements()).filter((one) => !one.satisfied)
  if (missing.length > 0) {
    throw new TestbedError('prerequisite', 'this machine lacks what packs a box', {
      why: missing.map((one) => one.name),
      hint: `testbed image box --install, or ${installHint(missingPackages(missing))}`,
    })
  }
  const guest = await prepareGuestImage(context, { ...testbed, image }, signal)
  const recipe = join(context.projectFolder, 'testbed/images', image, 'box')
  const digest = await digestOfFolders([recipe])
  const folder = join(context.cacheFolder, 'boxes', `${image}-${guest.digest}-${digest}`)
  const log = join(context.cacheFolder, 'logs', `box-${image}.log`)
  await step(context.progress, `pack box ${boxName}`, () =>
    buildOnce(folder, signal, async (temporary) => {
      const end = process.getuid?.() === 0 ? dieTogether : (['setpriv', '--pdeathsig', 'TERM', '--'] as const)
      await runLogged([...end, 'sh', join(recipe, 'pack.sh'), join(guest.disk, '..'), temporary], {
        what: `box ${boxName}`,
        log,
        timeoutMs: packTimeoutMs,
        signal,
        hints: [
          {
            pattern: /No space left on device|Disk quota exceeded/i,
            hint: `a box needs about 2 GiB in ${context.cacheFolder}: make room, or set XDG_CACHE_HOME to a larger disk`,
          },
        ],
      })
      const now = context.clock.now()
      const day = now.toISOString().slice(0, 10).replaceAll('-', '')
      const second = Math.floor((now.getTime() % 86_400_000) / 1000)
      await writeFile(join(temporary, 'version'), `${day}.${second}.0\n`)
    }),
  )
  const version = (await readFile(join(folder, 'version'), 'utf8')).trim()
  const packed = { box: join(folder, 'libvirt.box'), catalog: join(folder, 'catalog.json'), version }
  await writeFile(packed.catalog, `${JSON.stringify(catalogOf(packed), undefined, 2)}\n`)
  return packed
}

/** Gives the box to Vagrant, where there is one. Answers whether there is. */
export async function addBox(
  context: ProviderContext,
  box: PackedBox,
  signal: AbortSignal,
): Promise<boolean> {
  if (!(await requireProgram('vagrant', 'vagrant')).satisfied) return false
  const env = { VAGRANT_CHECKPOINT_DISABLE: '1' }
  const options = { env, timeoutMs: packTimeoutMs, signal }
  const listed = await runLocal(['vagrant', 'box', 'list'], options)
  if (hasBox(listed.stdout, box.version)) return true
  await step(context.progress, `vagrant box add ${boxName}`, async () => {
    const log = join(context.cacheFolder, 'logs', 'box-add.log')
    await mkdir(join(context.cacheFolder, 'logs'), { recursive: true })
    const argv = ['vagrant', 'box', 'add', '--provider', 'libvirt', box.catalog] as const
    const { exitCode, stdout, stderr } = await runLocal(argv, options)
    await writeFile(log, `${stdout}${stderr}`)
    if (exitCode === 0) return
    throw new TestbedError('testbed', `vagrant could not add box ${boxName} (exit ${exitCode})`, {
      why: lastLines(stderr === '' ? stdout : stderr),
      hint: `the box itself is whole: vagrant box add --provider libvirt ${box.catalog}`,
      log,
    })
  })
  return true
}

/** Among the lines of `vagrant box list`: `name (libvirt, version)`, with more after the provider in newer versions. */
export function hasBox(list: string, version: string): boolean {
  return list.split('\n').some((line) => line.startsWith(`${boxName} `) && line.includes(`, ${version}`))
}

/** What tells Vagrant the version of a box: with another version libvirt's copy of the disk is made anew. */
export function catalogOf({ box, version }: Pick<PackedBox, 'box' | 'version'>) {
  return {
    name: boxName,
    versions: [{ version, providers: [{ name: 'libvirt', url: `file://${box}` }] }],
  }
}

/** What packing needs of this machine. */
export async function boxRequirements(): Promise<Requirement[]> {
  const needed = [
    ['debugfs', ['e2fsprogs']],
    ['mcopy', ['mtools']],
    ['mkfs.vfat', ['dosfstools']],
    ['qemu-img', ['qemu-utils']],
    ['sfdisk', ['fdisk']],
    ['syslinux', ['syslinux', 'syslinux-common']],
  ] as const
  return await Promise.all(
    needed.map(async ([program, packages]) => {
      return { ...(await requireProgram(program, packages[0])), packages, hint: installHint(packages) }
    }),
  )
}
