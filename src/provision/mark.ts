import { join } from 'node:path'
import type { ResolvedTestbed } from '../config/resolved.ts'
import { digestOf, digestOfFolders } from '../core/digest.ts'
import { TestbedError } from '../core/errors.ts'
import type { Host } from '../hosts/host.ts'

/** In memory only: a host that was booted since is not provisioned until it was asked. */
const markFile = '/run/migration-testbed-provisioned'

/** Of everything that provisioning hosts of this testbed depends on. */
export async function provisionDigest(projectFolder: string, testbed: ResolvedTestbed): Promise<string> {
  const scripts = await digestOfFolders([join(projectFolder, 'provision')])
  const { components, sources, networks } = testbed
  return digestOf(JSON.stringify([scripts, components, sources, networks]))
}

/** Leaves the mark that provisioning is complete. */
export async function markProvisioned(host: Host, digest: string): Promise<void> {
  const { exitCode, stderr } = await host.run({ argv: ['tee', markFile] }, { input: `${digest}\n` })
  if (exitCode === 0) return
  throw new TestbedError('testbed', `${markFile} cannot be written`, {
    where: host.name,
    why: [stderr.trim()],
  })
}
