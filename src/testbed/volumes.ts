import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { HostName, TestbedName } from '../config/resolved.ts'
import { messageOf, TestbedError } from '../core/errors.ts'
import type { Progress } from '../core/progress.ts'
import { systemClock } from '../core/time.ts'
import type { Host } from '../hosts/host.ts'
import type { VolumeContext } from '../volumes/context.ts'
import { converge } from '../volumes/converge.ts'
import { openStore, type VolumeStore } from '../volumes/store.ts'
import { openHost, statusOf } from './open.ts'
import { lockTestbed, stateFolderOf } from './state.ts'

/** The datasets of a testbed: written down in its state folder, gone with it. */
export function volumesOf(name: TestbedName): VolumeStore {
  return openStore(join(stateFolderOf(name), 'volumes'))
}

interface Options {
  readonly progress: Progress
  readonly signal: AbortSignal
}

/**
 * Opens the volumes of a testbed that is up, or some of whose hosts are, and settles what an earlier program left undone.
 * @throws TestbedError `busy` while another program changes the testbed
 */
export async function withVolumes<Result>(
  name: TestbedName,
  { progress, signal }: Options,
  use: (context: VolumeContext) => Promise<Result>,
): Promise<Result> {
  const unlock = await lockTestbed(name)
  const hosts = new Map<HostName, Host | undefined>()
  try {
    const status = await statusOf(name)
    if (status.state === 'down') {
      throw new TestbedError('testbed', `testbed ${name} is not up`, { hint: 'bring it up: testbed up' })
    }
    await Promise.all(
      status.hosts.map(async ({ name: host, state }) => {
        hosts.set(host, undefined)
        if (state !== 'running') return
        const opened = await openHost(name, host, signal).catch((error: unknown) => {
          signal.throwIfAborted()
          // It waits as a dead one would; other hosts and datasets are not held up by it.
          progress({ kind: 'warning', text: messageOf(error), host })
          return undefined
        })
        hosts.set(host, opened)
      }),
    )
    const context = { store: volumesOf(name), hosts, clock: systemClock, progress, signal }
    await converge(context)
    return await use(context)
  } finally {
    for (const host of hosts.values()) host?.close()
    await unlock()
  }
}

/** After hosts came up: what was to be mounted is mounted again, and what was interrupted is settled. */
export async function settleVolumes(
  name: TestbedName,
  hosts: readonly Host[],
  options: Options,
): Promise<void> {
  const store = volumesOf(name)
  if ((await store.list()).length === 0) return
  await converge({
    store,
    hosts: new Map(hosts.map((host) => [host.name, host])),
    clock: systemClock,
    ...options,
  })
}

/** @throws TestbedError (configuration) when datasets would be lost without having been asked for */
export async function requireNoVolumes(name: TestbedName): Promise<void> {
  const datasets = await volumesOf(name).list()
  if (datasets.length === 0) return
  throw new TestbedError(
    'configuration',
    `an experiment puts the hosts of ${name} back, and datasets are on them`,
    {
      why: datasets.map((dataset) => `${dataset.name} on ${dataset.primary}`),
      hint: 'use another testbed, or destroy them: testbed volume destroy',
    },
  )
}

/** @throws TestbedError (configuration) when a host that has a dataset is not among those that are to be up */
export async function requireHostsOfVolumes(name: TestbedName, hosts: readonly HostName[]): Promise<void> {
  const lost = (await volumesOf(name).list()).find(({ primary }) => !hosts.includes(primary))
  if (lost === undefined) return
  throw new TestbedError(
    'configuration',
    `dataset ${lost.name} is on ${lost.primary}, which would be removed`,
    {
      hint: 'move it to a host that stays, or destroy it: testbed volume move, testbed volume destroy',
    },
  )
}

/** Of hosts that are made anew no dataset is left. */
export async function forgetVolumes(name: TestbedName): Promise<void> {
  await rm(join(stateFolderOf(name), 'volumes'), { recursive: true, force: true })
}
