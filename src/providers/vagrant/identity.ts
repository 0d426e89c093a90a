import { join } from 'node:path'
import type { ResolvedTestbed } from '../../config/resolved.ts'
import { digestOf } from '../../core/digest.ts'
import { ensureKeyPair } from '../../hosts/keys.ts'
import type { ProviderContext } from '../provider.ts'
import type { Identity } from './machines.ts'

/**
 * What every host is given when it is made, the same each time. Its keys go in through Vagrant's own connection, over a
 * network that only this machine and its guests are on: that is the trust that the pinned host key stands on.
 */
export async function identitiesOf(
  context: ProviderContext,
  testbed: ResolvedTestbed,
): Promise<Record<string, Identity>> {
  const keys = join(context.stateFolder, 'keys')
  const { publicKey } = await ensureKeyPair(keys, 'login')
  const identities = testbed.hosts.map(async ({ name }): Promise<[string, Identity]> => {
    const { privateKey } = await ensureKeyPair(keys, name)
    return [
      name,
      { machineId: digestOf(`${context.stateFolder}/${name}`, 32), publicKey, hostPrivateKey: privateKey },
    ]
  })
  return Object.fromEntries(await Promise.all(identities))
}
