import { join } from 'node:path'
import type { ResolvedHost } from '../config/resolved.ts'
import type { HostAddress } from '../hosts/address.ts'
import { ensureKeyPair } from '../hosts/keys.ts'
import type { ProviderContext } from './provider.ts'

/** How a host is reached: as root with the testbed's key, over the network that this machine shares with it. */
export async function ownAddress(context: ProviderContext, host: ResolvedHost): Promise<HostAddress> {
  const keys = join(context.stateFolder, 'keys')
  return {
    name: host.name,
    host: host.mgmtAddress,
    port: 22,
    user: 'root',
    privateKey: (await ensureKeyPair(keys, 'login')).path,
    hostKey: (await ensureKeyPair(keys, host.name)).publicKey,
    mgmtAddress: host.mgmtAddress,
  }
}
