import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import { messageOf, TestbedError } from '../../core/errors.ts'
import { exists } from '../../core/exists.ts'

/** Built from packages: `vm/build.sh` in the image's folder. */
export interface PackagesRecipe {
  readonly kind: 'packages'
  readonly name: string
  readonly folder: string
}

/** A vendor's cloud image, downloaded: `image.yaml` in the image's folder. */
export interface CloudRecipe {
  readonly kind: 'cloud'
  readonly name: string
  /** http://, https:// or file://, of a qcow2 disk image. */
  readonly url: string
  /** Of the file at `url`, 64 hexadecimal digits. */
  readonly sha256: string
  /** What the image runs on, in Node's words: `x64`. */
  readonly architecture: string
}

export type ImageRecipe = PackagesRecipe | CloudRecipe

/** Another place that has the files of cloud images, under their own file names: for labs without the internet. */
export const imageMirrorVariable = 'MIGRATION_TESTBED_IMAGE_MIRROR'

/** Names of the images that virtual machines can be made of, in alphabetical order. */
export async function guestImageNames(projectFolder: string): Promise<string[]> {
  const folder = imagesFolder(projectFolder)
  const entries = await readdir(folder, { withFileTypes: true })
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
  const usable = await Promise.all(
    names.map(async (name) => (await kindOf(join(folder, name))) !== undefined),
  )
  return names.filter((_, index) => usable[index]).sort()
}

/** @throws TestbedError (configuration) when there is no such image, or when its image.yaml is wrong */
export async function readRecipe(
  projectFolder: string,
  name: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<ImageRecipe> {
  const folder = join(imagesFolder(projectFolder), name)
  const kind = await kindOf(folder)
  if (kind === 'packages') return { kind, name, folder }
  if (kind === 'cloud')
    return parseCloudRecipe(
      name,
      join(folder, 'image.yaml'),
      await readFile(join(folder, 'image.yaml'), 'utf8'),
      environment,
    )
  throw new TestbedError('configuration', `there is no guest image ${name}`, {
    hint: `guest images are ${(await guestImageNames(projectFolder)).join(', ')}`,
  })
}

/** Reads `image.yaml`. Keys: url, sha256, architecture. */
export function parseCloudRecipe(
  name: string,
  file: string,
  text: string,
  environment: Readonly<Record<string, string | undefined>> = {},
): CloudRecipe {
  const wrong = (message: string, hint: string) =>
    new TestbedError('configuration', message, { where: file, hint })
  const content = parseYaml(text, (error) =>
    wrong('this is not YAML', messageOf(error).split('\n')[0] ?? 'see the file'),
  )
  const { url, sha256, architecture = 'x64' } = content
  if (typeof url !== 'string' || !/^(https?|file):\/\/\S+$/.test(url)) {
    throw wrong('url is not the address of an image', 'http://, https:// or file://, of a qcow2 disk image')
  }
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)) {
    throw wrong(
      'sha256 is not a SHA-256 digest',
      'set it to the 64 hexadecimal digits that the vendor publishes beside the image (SHA256SUMS)',
    )
  }
  const mirror = environment[imageMirrorVariable]
  return {
    kind: 'cloud',
    name,
    url: mirror === undefined || mirror === '' ? url : onMirror(mirror, url),
    sha256,
    architecture: String(architecture),
  }
}

function onMirror(mirror: string, url: string): string {
  if (!/^(https?|file):\/\/\S+$/.test(mirror)) {
    throw new TestbedError('configuration', `${imageMirrorVariable} is not an address: ${mirror}`, {
      hint: 'http://, https:// or file://, of the folder that holds the image files',
    })
  }
  return `${mirror.replace(/\/+$/, '')}/${url.slice(url.lastIndexOf('/') + 1)}`
}

function parseYaml(text: string, wrong: (error: unknown) => Error): Record<string, unknown> {
  try {
    // Everything is text: a digest of digits alone is no number.
    const content: unknown = parse(text, { schema: 'failsafe' })
    return typeof content === 'object' && content !== null ? { ...content } : {}
  } catch (error) {
    throw wrong(error)
  }
}

async function kindOf(folder: string): Promise<ImageRecipe['kind'] | undefined> {
  if (await exists(join(folder, 'vm/build.sh'))) return 'packages'
  if (await exists(join(folder, 'image.yaml'))) return 'cloud'
  return undefined
}

function imagesFolder(projectFolder: string): string {
  return join(projectFolder, 'testbed/images')
}
