import type { ResolvedTestbed } from '../../config/resolved.ts'
import type { ProviderContext } from '../provider.ts'
import { chooseImage } from './choice.ts'
import { cloudGuestImage } from './cloud.ts'
import { packagesGuestImage } from './packages.ts'
import { readRecipe } from './recipe.ts'

/** What virtual machines are started from. Read-only: every host has an overlay of its own on `disk`. */
export interface GuestImage {
  /** A folder of `testbed/images/`: `debian-13`. */
  readonly name: string
  /** Of everything that decides what the image holds. */
  readonly digest: string
  /** qcow2, absolute. The guest finds its root by label, so any kind of disk will do that its kernel or initrd has a driver for. */
  readonly disk: string
  /** For QEMU's `-kernel`, `-initrd` and `-append`; absent when the disk boots itself. */
  readonly boot?: { readonly kernel: string; readonly initrd?: string; readonly arguments: string }
  /** Whether the components that the testbed asks for are in it already; else they are installed on a running host. */
  readonly components: 'installed' | 'missing'
  /** How the guest gets its identity; see seed.ts and cloud-init.ts. */
  readonly seed: 'tar' | 'cloud-init'
}

/** A guest image that can be made, and whether it is in the cache. */
export interface GuestImageRecipe {
  readonly image: GuestImage
  readonly present: boolean
  /** Puts it in the cache. */
  prepare(signal: AbortSignal): Promise<void>
}

/** The image that the hosts of a testbed run, and whether it is in the cache. */
export async function locateGuestImage(
  context: ProviderContext,
  testbed: ResolvedTestbed,
): Promise<{ image: GuestImage; present: boolean }> {
  const { image, present } = await guestImageRecipe(context, testbed)
  return { image, present }
}

/** The same, built or downloaded unless it is in the cache. @throws TestbedError; nothing half-made is left */
export async function prepareGuestImage(
  context: ProviderContext,
  testbed: ResolvedTestbed,
  signal: AbortSignal,
): Promise<GuestImage> {
  const recipe = await guestImageRecipe(context, testbed)
  if (!recipe.present) await recipe.prepare(signal)
  return recipe.image
}

/** How the image of a testbed is made. */
export async function guestImageRecipe(
  context: ProviderContext,
  testbed: ResolvedTestbed,
): Promise<GuestImageRecipe> {
  const recipe = await readRecipe(context.projectFolder, await chooseImage(context, testbed))
  return recipe.kind === 'cloud'
    ? await cloudGuestImage(context, recipe)
    : await packagesGuestImage(context, testbed, recipe)
}
