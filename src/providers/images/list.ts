import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { ResolvedTestbed } from '../../config/resolved.ts'
import type { ProviderContext } from '../provider.ts'
import { guestImageRecipe } from './guest-image.ts'
import { guestImageNames } from './recipe.ts'

export interface ListedImage {
  readonly name: string
  readonly digest: string
  /** `outdated`: in the cache, but made by another recipe, of other components or out of another file than now. */
  readonly state: 'cached' | 'missing' | 'outdated'
  /** Absent when it is missing. */
  readonly folder?: string
  /** What it takes on the disk. */
  readonly bytes?: number
}

/** Every guest image that the testbed could run, and every one in the cache. */
export async function listGuestImages(
  context: ProviderContext,
  testbed: ResolvedTestbed,
): Promise<ListedImage[]> {
  const current = await Promise.all(
    (await guestImageNames(context.projectFolder)).map(async (image): Promise<ListedImage> => {
      const { image: found, present } = await guestImageRecipe(context, { ...testbed, image })
      return { name: found.name, digest: found.digest, state: present ? 'cached' : 'missing' }
    }),
  )
  const guests = join(context.cacheFolder, 'guests')
  const cached = (await readdir(guests).catch(() => [])).flatMap((folder): ListedImage[] => {
    const [, name, digest] = /^(.+)-([0-9a-f]{12})$/.exec(folder) ?? []
    if (name === undefined || digest === undefined) return []
    return current.some((one) => one.name === name && one.digest === digest)
      ? []
      : [{ name, digest, state: 'outdated' }]
  })
  const all = [...current, ...cached].sort((a, b) => a.name.localeCompare(b.name))
  return await Promise.all(
    all.map(async (one) => {
      if (one.state === 'missing') return one
      const folder = join(guests, `${one.name}-${one.digest}`)
      return { ...one, folder, bytes: await sizeOf(folder) }
    }),
  )
}

/** Bytes that the files of a folder take on the disk; holes take none. */
async function sizeOf(folder: string): Promise<number> {
  const files = await readdir(folder)
  const sizes = await Promise.all(files.map(async (file) => (await stat(join(folder, file))).blocks * 512))
  return sizes.reduce((sum, size) => sum + size, 0)
}
