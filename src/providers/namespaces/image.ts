import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ResolvedTestbed } from '../../config/resolved.ts'
import { buildOnce } from '../../core/build-once.ts'
import { digestOfFolders } from '../../core/digest.ts'
import { exists } from '../../core/exists.ts'
import { machinePackageSource } from '../../core/packages.ts'
import { dieTogether, mustRunLocal } from '../../core/process.ts'
import { step } from '../../core/progress.ts'
import type { Conflict, ProviderContext } from '../provider.ts'

/** Root file system of a host that answers over SSH and has nothing provisioned, built once per digest of its recipe. */
export interface BaseImage {
  readonly digest: string
  readonly rootfs: string
}

/** The image that namespace hosts of a testbed run; see findConflicts for the others. */
export function imageOf({ image }: Pick<ResolvedTestbed, 'image'>): string {
  return image === 'auto' ? 'debian-13' : image
}

/** A namespace host's kernel is the machine's: it needs a root file system made by `build.sh`, not a disk. */
export async function findImageConflicts(
  context: ProviderContext,
  testbed: ResolvedTestbed,
): Promise<Conflict[]> {
  const name = imageOf(testbed)
  const recipe = join(context.projectFolder, 'testbed/images', name, 'build.sh')
  if (await exists(recipe)) return []
  return [
    {
      pointer: ['image'],
      message: `image ${name} is a disk for virtual machines: namespace hosts cannot run it`,
      hint: 'set image: debian-13 or auto, or take a provider of virtual machines (provider: qemu)',
    },
  ]
}

/** Where the image of the recipe `testbed/images/<name>` is, built or not. */
export async function locateImage(context: ProviderContext, name: string): Promise<BaseImage> {
  const folder = join(context.projectFolder, 'testbed/images', name)
  const digest = await digestOfFolders([folder], (path) => !/^(vm|box)\//.test(path)) // which are for virtual machines
  return { digest, rootfs: join(context.cacheFolder, 'images', `${name}-${digest}`) }
}

/** Builds the image unless it is in the cache. */
export async function ensureImage(
  context: ProviderContext,
  name: string,
  signal: AbortSignal,
): Promise<BaseImage> {
  const image = await locateImage(context, name)
  if (await exists(image.rootfs)) return image
  const source = await machinePackageSource()
  await step(context.progress, `build image ${name}`, () =>
    buildOnce(image.rootfs, signal, async (temporary) => {
      const script = join(context.projectFolder, 'testbed/images', name, 'build.sh')
      const options = source.aptOptions.map((option) => `--aptopt=${option}`)
      const keyring = source.keyring === undefined ? [] : [`--keyring=${source.keyring}`]
      // What mmdebstrap leaves when it is killed goes with the build that was cut off. Its target has to be empty.
      const scratch = `${temporary}.scratch`
      try {
        await mkdir(scratch, { mode: 0o755 })
        await mustRunLocal([...dieTogether, 'sh', script, temporary, source.uri, ...options, ...keyring], {
          what: `image ${name}`,
          kind: 'testbed',
          env: { TMPDIR: scratch },
          timeoutMs: 20 * 60_000,
          signal,
          hint: 'does apt-get update work on this machine? The packages come from its own mirror',
          onLine: (text) => context.progress({ kind: 'note', text }),
        })
      } finally {
        await rm(scratch, { recursive: true, force: true })
      }
    }),
  )
  return image
}
