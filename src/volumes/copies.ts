import type { HostName } from '../config/resolved.ts'
import { runChecked } from '../hosts/checked.ts'
import type { Argv, Host } from '../hosts/host.ts'
import type { BackEndName } from './back-end.ts'
import type { Dataset } from './dataset.ts'

const scripts = '/usr/local/lib/migration-testbed/provision/volumes'

/** A host's copy of a dataset, as the host says. */
export interface Copy {
  readonly host: HostName
  readonly dataset: string
  readonly name: string
  readonly role: 'primary' | 'replica'
  readonly epoch: number
  /** Where it is mounted for writing. */
  readonly attachedAt?: string
  readonly usedBytes: number
  /** Those that are whole, of back ends that have any. */
  readonly snapshots: readonly string[]
}

export function volumeArgv(action: string, ...args: readonly string[]): Argv {
  return ['sh', `${scripts}/volume.sh`, action, ...args]
}

export function listenArgv(...args: readonly string[]): Argv {
  return ['sh', `${scripts}/listen.sh`, ...args]
}

/** Has a host do one thing to its copy of a dataset; answers what it says. @throws TestbedError with the script's reason and hint */
export async function onCopy(
  host: Host,
  what: string,
  args: readonly [string, ...string[]],
  signal: AbortSignal,
): Promise<string> {
  const { stdout } = await runChecked(host, volumeArgv(...args), { what, signal, timeoutMs: 5 * 60_000 })
  return stdout.trim()
}

/** What a host needs to know of a dataset to make a copy. @param home of what hosts share */
export function copyArguments(dataset: Dataset, home: Host | undefined): string[] {
  const { id, name, backEnd, maximumSizeBytes, epoch } = dataset
  return [
    id,
    name,
    backEnd,
    String(maximumSizeBytes),
    String(epoch),
    ...(home === undefined ? [] : [home.address]),
  ]
}

/** All copies that a host has, of whatever dataset. */
export async function listCopies(host: Host, signal: AbortSignal): Promise<Copy[]> {
  const text = await onCopy(host, 'listing the volumes', ['show'], signal)
  return text.split('\n').flatMap((line) => {
    const [dataset, name, , , role, epoch, at, used, snapshots = ''] = line.split('\t')
    if (dataset === undefined || name === undefined || (role !== 'primary' && role !== 'replica')) return []
    return [
      {
        host: host.name,
        dataset,
        name,
        role,
        epoch: Number(epoch),
        ...(at === undefined || at === '-' ? {} : { attachedAt: at }),
        usedBytes: Number(used),
        snapshots: snapshots === '' ? [] : snapshots.split(','),
      },
    ]
  })
}

/** How many bytes more a host can take. */
export async function freeBytes(host: Host, backEnd: BackEndName, signal: AbortSignal): Promise<number> {
  return Number(await onCopy(host, 'asking for free space', ['free', backEnd], signal))
}
