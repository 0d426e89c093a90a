import { randomBytes } from 'node:crypto'
import type { HostName } from '../config/resolved.ts'
import { messageOf, TestbedError } from '../core/errors.ts'
import { step } from '../core/progress.ts'
import { humanSize } from '../core/units.ts'
import { type BackEndName, backEndNames, offers } from './back-end.ts'
import { backEndOf, requireHost, runningHosts, type VolumeContext } from './context.ts'
import { removeCopies } from './converge.ts'
import { type Copy, copyArguments, freeBytes, listCopies, onCopy } from './copies.ts'
import { type Dataset, requireDatasetName } from './dataset.ts'
import { requireMovable } from './lease.ts'
import { homeOf } from './shared.ts'

export interface NewDataset {
  readonly name: string
  readonly maximumSizeBytes: number
  readonly host: HostName
  /** `auto`: the first that every host of the testbed has. */
  readonly backEnd: BackEndName | 'auto'
  readonly metadata: Readonly<Record<string, string>>
}

/** Below it a file system has no room for itself. */
const smallestBytes = 1024 * 1024

/**
 * Makes an empty dataset and mounts it on its host. Answers where.
 * @throws TestbedError; then there is nothing of it
 */
export async function createDataset(
  context: VolumeContext,
  wanted: NewDataset,
): Promise<{ readonly dataset: Dataset; readonly path: string }> {
  const { store, progress, signal } = context
  const { name, maximumSizeBytes, metadata } = wanted
  requireDatasetName(name)
  if (maximumSizeBytes < smallestBytes) {
    throw new TestbedError('configuration', `${humanSize(maximumSizeBytes)} are too small for a dataset`, {
      hint: `at least ${humanSize(smallestBytes)}`,
    })
  }
  const host = requireHost(context, wanted.host)
  const backEnd = chooseBackEnd(context, wanted.backEnd)
  const free = await freeBytes(host, backEnd, signal)
  if (free < maximumSizeBytes) {
    throw new TestbedError(
      'testbed',
      `${name} does not fit: ${humanSize(maximumSizeBytes)} are needed, ${humanSize(free)} free`,
      {
        where: host.name,
        hint: 'make room there, or take a smaller size',
      },
    )
  }
  const dataset: Dataset = {
    version: 1,
    id: randomBytes(6).toString('hex'),
    name,
    maximumSizeBytes,
    backEnd,
    ...(backEndOf({ backEnd }).shared ? { home: host.name } : {}),
    primary: host.name,
    epoch: 1,
    attached: true,
    metadata,
    createdAt: new Date().toISOString(),
  }
  await store.add({ ...dataset, passing: 'creating' })
  try {
    const home = homeOf(context, dataset)
    const make = () => onCopy(host, 'making of a copy', ['create', ...copyArguments(dataset, home)], signal)
    await step(progress, `create ${name}`, make, { host: host.name })
    const path = await onCopy(host, 'mounting', ['attach', dataset.id, '1'], signal)
    return { dataset: await store.update(name, ({ passing: _, ...rest }) => rest), path }
  } catch (error) {
    await removeCopies({ ...context, signal: AbortSignal.timeout(60_000) }, dataset).catch((left: unknown) =>
      progress({ kind: 'warning', text: `${name}: ${messageOf(left)}` }),
    )
    throw error
  }
}

function chooseBackEnd(context: VolumeContext, wanted: BackEndName | 'auto'): BackEndName {
  const hosts = runningHosts(context)
  const lacking = (name: BackEndName) => hosts.filter(({ facts }) => !offers(facts, name))
  const chosen = wanted === 'auto' ? backEndNames.find((name) => lacking(name).length === 0) : wanted
  const without = chosen === undefined ? hosts : lacking(chosen)
  if (chosen !== undefined && without.length === 0) return chosen
  throw new TestbedError(
    'testbed',
    chosen === undefined
      ? 'no back end of volumes is on every host'
      : `the back end ${chosen} is not on every host`,
    {
      why: [`not on ${without.map(({ name }) => name).join(', ')}`],
      hint: 'the component volumes brings them: testbed up --with volumes; testbed facts tells what each host has',
    },
  )
}

/** Removes a dataset and all its copies. Answers whether it is gone, and not waiting for a dead host. @throws TestbedError while it is in use or leased */
export async function destroyDataset(
  context: VolumeContext,
  name: string,
  options: { readonly token?: string } = {},
): Promise<boolean> {
  const { store, hosts, signal } = context
  const dataset = await store.get(name)
  requireMovable(dataset, '', options.token, Date.now())
  const primary = hosts.get(dataset.primary)
  if (primary !== undefined && dataset.passing === undefined) {
    const copies = await listCopies(primary, signal)
    // Refused while it is in use, before anything is written down.
    if (copies.some((copy) => copy.dataset === dataset.id)) {
      await onCopy(primary, 'unmounting', ['detach', dataset.id], signal)
    }
  }
  return await removeCopies(
    context,
    await store.update(name, (now) => ({ ...now, passing: 'destroying' as const })),
  )
}

/** Mounts it on its primary, or takes it off. Answers where it is mounted. @throws TestbedError */
export async function setAttached(
  context: VolumeContext,
  name: string,
  attached: boolean,
): Promise<string | undefined> {
  const { store, signal } = context
  const { id, primary, epoch } = settled(await store.get(name))
  const host = requireHost(context, primary)
  // Whoever does this has seen how the last move ended.
  const wish = ({ failure: _, ...now }: Dataset): Dataset => ({ ...now, attached })
  if (!attached) {
    await onCopy(host, 'unmounting', ['detach', id], signal)
    await store.update(name, wish)
    return undefined
  }
  await store.update(name, wish)
  return await onCopy(host, 'mounting', ['attach', id, String(epoch)], signal)
}

/** Keeps what is in it now under a name of its own, on its primary; it stays there when the dataset moves. @throws TestbedError */
export async function snapshotDataset(context: VolumeContext, name: string, label: string): Promise<void> {
  const { store, signal } = context
  const { id, primary } = settled(await store.get(name))
  requireDatasetName(label)
  if (label === 'data' || label.startsWith('push-')) {
    throw new TestbedError('configuration', `a snapshot cannot be called ${label}`, {
      hint: 'take another name',
    })
  }
  const host = requireHost(context, primary)
  const copies = await listCopies(host, signal)
  if (copies.some((copy) => copy.dataset === id && copy.snapshots.includes(label))) {
    throw new TestbedError('configuration', `${name} has a snapshot ${label} already`, {
      hint: 'take another name',
    })
  }
  await onCopy(host, 'taking a snapshot', ['snapshot', id, label], signal)
}

/** What every host has of a dataset. */
export async function copiesOf(context: VolumeContext, dataset: Dataset): Promise<Copy[]> {
  const all = await Promise.all(runningHosts(context).map((host) => listCopies(host, context.signal)))
  return all.flat().filter((copy) => copy.dataset === dataset.id)
}

/** @throws TestbedError `busy` while a move or its making waits for a host */
function settled(dataset: Dataset): Dataset {
  if (dataset.move === undefined && dataset.passing === undefined) return dataset
  throw new TestbedError('busy', `${dataset.name} waits for a host that does not run`, {
    hint: 'bring all hosts up, and it is settled: testbed up',
  })
}
