import type { ResolvedWorkload } from '../config/resolved.ts'
import type { PackageSource } from '../core/packages.ts'
import { step } from '../core/progress.ts'
import { humanSize } from '../core/units.ts'
import { type CacheOptions, cachedImage, imagesFolder, readEntry } from './cache.ts'
import type { WorkloadImage } from './image.ts'
import { buildFromPackages, recipeDigest } from './packages-image.ts'
import { prepareFromReference } from './reference-image.ts'

export interface PrepareOptions extends CacheOptions {
  /** `${XDG_CACHE_HOME:-~/.cache}/migration-testbed`: images are kept in its folder `workloads`. */
  readonly cacheFolder: string
  /** Where packages come from. */
  readonly mirror: PackageSource
}

/**
 * The image of a workload, from the cache or made now: of packages with mmdebstrap (needs root), or fetched.
 * @throws TestbedError when it cannot be made; the signal's reason when aborted.
 */
export async function prepareImage(
  workload: ResolvedWorkload,
  options: PrepareOptions,
): Promise<WorkloadImage> {
  const images = imagesFolder(options.cacheFolder)
  const { image } = workload
  const note = ({ bytes }: WorkloadImage) => humanSize(bytes)
  if (image.kind === 'reference') {
    const fetch = () => prepareFromReference(workload, image.reference, images, options)
    return await step(options.progress, `fetch the image of ${workload.name}`, fetch, { note })
  }
  const digest = await recipeDigest(workload, image)
  const entry = `${workload.name}-${digest}`
  const finished = await readEntry(images, entry)
  if (finished !== undefined) return finished
  const name = `migration-testbed/${workload.name}:${digest}`
  const build = () =>
    cachedImage(
      images,
      entry,
      (folder, archive, signal) =>
        buildFromPackages(workload, image, name, options.mirror, { folder, archive, signal }),
      options,
    )
  return await step(options.progress, `build the image of ${workload.name}`, build, { note })
}
