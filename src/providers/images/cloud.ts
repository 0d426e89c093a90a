import { chmod, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { buildOnce } from '../../core/build-once.ts'
import { download } from '../../core/download.ts'
import { TestbedError } from '../../core/errors.ts'
import { exists } from '../../core/exists.ts'
import { step } from '../../core/progress.ts'
import { humanSize } from '../../core/units.ts'
import type { ProviderContext } from '../provider.ts'
import type { GuestImage, GuestImageRecipe } from './guest-image.ts'
import type { CloudRecipe } from './recipe.ts'

/** A vendor's cloud image; nothing of the testbed's is in it, and cloud-init gives it its identity. */
export async function cloudGuestImage(
  context: ProviderContext,
  recipe: CloudRecipe,
): Promise<GuestImageRecipe> {
  const digest = recipe.sha256.slice(0, 12)
  const folder = join(context.cacheFolder, 'guests', `${recipe.name}-${digest}`)
  const image: GuestImage = {
    name: recipe.name,
    digest,
    disk: join(folder, 'disk.qcow2'),
    components: 'missing',
    seed: 'cloud-init',
  }
  return {
    image,
    present: await exists(folder),
    prepare: (signal) =>
      step(context.progress, `download image ${recipe.name}`, () =>
        fetchOnce(context, recipe, folder, signal),
      ),
  }
}

async function fetchOnce(
  context: ProviderContext,
  recipe: CloudRecipe,
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  if (recipe.architecture !== process.arch) {
    throw new TestbedError(
      'configuration',
      `image ${recipe.name} is for ${recipe.architecture}, this machine is ${process.arch}`,
      {
        hint: 'set image: debian-13 in the testbed file',
      },
    )
  }
  const part = join(context.cacheFolder, 'downloads', `${recipe.name}-${recipe.sha256.slice(0, 12)}.part`)
  let told = 0
  await buildOnce(folder, signal, async (temporary) => {
    await download({
      what: 'image',
      otherwise:
        'MIGRATION_TESTBED_IMAGE_MIRROR names a folder (http://, https:// or file://) that has the same file; image: debian-13 needs no download',
      pinnedIn: 'image.yaml',
      url: recipe.url,
      sha256: recipe.sha256,
      part,
      clock: context.clock,
      signal,
      onProgress: (bytes, total) => {
        const tenth = total === undefined ? Math.floor(bytes / 2 ** 26) : Math.floor((10 * bytes) / total)
        if (tenth <= told) return
        told = tenth
        const of = total === undefined ? '' : ` of ${humanSize(total)}`
        context.progress({ kind: 'note', text: `${humanSize(bytes)}${of} of image ${recipe.name}` })
      },
    })
    await rename(part, join(temporary, 'disk.qcow2'))
    await chmod(join(temporary, 'disk.qcow2'), 0o444)
  })
}
