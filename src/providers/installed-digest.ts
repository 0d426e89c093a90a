import { join } from 'node:path'
import type { ResolvedTestbed } from '../config/resolved.ts'
import { digestOf, digestOfFolders } from '../core/digest.ts'
import type { ProviderContext } from './provider.ts'

/** Of an image with the testbed's components installed on it by the scripts that there are now. */
export async function installedDigest(
  context: ProviderContext,
  testbed: ResolvedTestbed,
  imageDigest: string,
): Promise<string> {
  const scripts = await digestOfFolders([join(context.projectFolder, 'provision')], isInstalled)
  return digestOf(JSON.stringify([imageDigest, scripts, testbed.components, testbed.sources]))
}

/** What of `provision/` ends up on the image: the components and what they share. */
function isInstalled(path: string): boolean {
  return path === 'lib.sh' || /^\d\d-/.test(path)
}
