import type { HostName } from '../config/resolved.ts'
import { TestbedError } from '../core/errors.ts'
import type { Progress } from '../core/progress.ts'
import type { Clock } from '../core/time.ts'
import type { Host } from '../hosts/host.ts'
import type { BackEnd, BackEndName } from './back-end.ts'
import { nfs } from './nfs.ts'
import { rsync } from './rsync.ts'
import { snapshots } from './snapshots.ts'
import type { VolumeStore } from './store.ts'

/** What everything here works with. */
export interface VolumeContext {
  readonly store: VolumeStore
  /** Every host of the testbed; undefined for one that does not run or does not answer. */
  readonly hosts: ReadonlyMap<HostName, Host | undefined>
  readonly clock: Clock
  readonly progress: Progress
  readonly signal: AbortSignal
}

const backEnds: Readonly<Record<BackEndName, BackEnd>> = {
  btrfs: snapshots('btrfs'),
  zfs: snapshots('zfs'),
  rsync,
  nfs,
}

export function backEndOf({ backEnd }: { readonly backEnd: BackEndName }): BackEnd {
  return backEnds[backEnd]
}

/** Hosts that can be asked. */
export function runningHosts({ hosts }: VolumeContext): Host[] {
  return [...hosts.values()].filter((host) => host !== undefined)
}

/** @throws TestbedError `configuration` when there is no such host, `testbed` when it does not run */
export function requireHost({ hosts }: VolumeContext, name: HostName): Host {
  const host = hosts.get(name)
  if (host !== undefined) return host
  if (hosts.has(name)) {
    throw new TestbedError('testbed', 'the host does not run', {
      where: name,
      hint: 'bring it up: testbed up',
    })
  }
  throw new TestbedError('configuration', `there is no host ${name}`, {
    hint: `hosts are ${[...hosts.keys()].join(', ')}`,
  })
}
