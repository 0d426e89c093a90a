import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import type { ResolvedTestbed } from '../../config/resolved.ts'
import { answers } from '../../core/download.ts'
import { exists } from '../../core/exists.ts'
import type { ProviderContext } from '../provider.ts'
import { cloudGuestImage } from './cloud.ts'
import { readRecipe } from './recipe.ts'

const preferred = 'ubuntu-24.04'
const fallback = 'debian-13'
const answerTimeoutMs = 3_000

export interface ImageChoice {
  readonly name: string
  /** Why this one, in words. */
  readonly reason: string
}

/**
 * The image of a testbed's virtual machines. `auto` is Ubuntu where it can be had, else Debian; what was chosen once holds
 * for as long as the testbed stands, and is told when it is chosen.
 */
export async function chooseImage(context: ProviderContext, testbed: ResolvedTestbed): Promise<string> {
  if (testbed.image !== 'auto') return testbed.image
  const file = join(context.stateFolder, 'image')
  const standing = await readFile(file, 'utf8').catch(() => '')
  if (standing.trim() !== '') return standing.trim()
  const { name, reason } = await decide(context)
  context.progress({ kind: 'note', text: `image ${name}: ${reason}` })
  // Without the folder nothing stands yet, and whoever asks only wants to know.
  if (await exists(context.stateFolder)) await writeFileAtomic(file, `${name}\n`)
  return name
}

async function decide(context: ProviderContext): Promise<ImageChoice> {
  const recipe = await readRecipe(context.projectFolder, preferred)
  if (recipe.kind !== 'cloud') return { name: preferred, reason: 'made on this machine' }
  if (recipe.architecture !== process.arch) {
    return { name: fallback, reason: `there is no ${preferred} for ${process.arch}` }
  }
  const { present } = await cloudGuestImage(context, recipe)
  if (present) return { name: preferred, reason: 'it is in the cache' }
  if (await answers(recipe.url, answerTimeoutMs)) return { name: preferred, reason: 'it can be downloaded' }
  return {
    name: fallback,
    reason: `${preferred} cannot be downloaded here (no answer from ${new URL(recipe.url).host || recipe.url})`,
  }
}
