import path from 'node:path'
import { packageRoot } from '../../../src/config/paths.ts'
import type { ResolvedTestbed } from '../../../src/config/resolved.ts'
import { loadTestbed } from '../../../src/config/testbed.ts'
import type { ProgressEvent } from '../../../src/core/progress.ts'
import { systemClock } from '../../../src/core/time.ts'
import type { GuestSeed } from '../../../src/providers/images/seed.ts'
import type { ProviderContext } from '../../../src/providers/provider.ts'
import { scratchFolder } from '../../support/scratch-folder.ts'

export const never = new AbortController().signal

/** A context whose cache and state are in a scratch folder, and what it was told. */
export async function scratchContext(): Promise<{ context: ProviderContext; events: ProgressEvent[] }> {
  const folder = await scratchFolder()
  const events: ProgressEvent[] = []
  const context = {
    stateFolder: path.join(folder, 'state'),
    cacheFolder: path.join(folder, 'cache'),
    projectFolder: packageRoot,
    progress: (event: ProgressEvent) => void events.push(event),
    clock: systemClock,
  }
  return { context, events }
}

export async function someTestbed(image: string): Promise<ResolvedTestbed> {
  return { ...(await loadTestbed('default')).value, image }
}

export const seed: GuestSeed = {
  name: 'host-a',
  machineId: '0123456789abcdef0123456789abcdef',
  publicKey: 'ssh-ed25519 AAAAlogin login',
  hostKey: {
    path: '/keys/host-a',
    privateKey: '-----BEGIN OPENSSH PRIVATE KEY-----\nsecret\n-----END OPENSSH PRIVATE KEY-----\n',
    publicKey: 'ssh-ed25519 AAAAhost host-a',
  },
  neighbours: ['10.91.0.2 host-a', '10.91.0.3 host-b'],
  mgmt: { mac: '02:42:0a:5b:00:02', address: '10.91.0.2', prefixLength: 24 },
  service: {
    mac: '02:42:0a:5b:01:02',
    nicMac: '06:42:0a:5b:01:02',
    address: '10.91.1.2',
    prefixLength: 24,
  },
  nat: { mac: '06:42:0a:5b:02:02' },
}
