import { hostname, userInfo } from 'node:os'
import { loadTestbed } from '../../config/testbed.ts'
import { TestbedError } from '../../core/errors.ts'
import type { Progress } from '../../core/progress.ts'
import { humanDuration, humanSize, parseDuration, parseSize } from '../../core/units.ts'
import { volumesOf, withVolumes } from '../../testbed/volumes.ts'
import type { BackEndName } from '../../volumes/back-end.ts'
import type { VolumeContext } from '../../volumes/context.ts'
import { type Dataset, type DatasetState, type Lease, stateOf } from '../../volumes/dataset.ts'
import {
  copiesOf,
  createDataset,
  destroyDataset,
  setAttached,
  snapshotDataset,
} from '../../volumes/engine.ts'
import { acquireLease, renewLease, requireOwnLease } from '../../volumes/lease.ts'
import { beginMove } from '../../volumes/move.ts'
import { advise, columns, print, printJson } from '../output.ts'
import { createView } from '../progress.ts'
import type { Session } from '../session.ts'

interface Common {
  readonly testbed: string
  readonly json?: boolean
}
type Arguments = readonly string[]

export async function create(
  session: Session,
  options: Common & {
    readonly size: string
    readonly host?: string
    readonly backEnd: BackEndName | 'auto'
    readonly meta?: readonly string[]
  },
  [name = '']: Arguments,
): Promise<undefined> {
  const { value } = await loadTestbed(options.testbed)
  const wanted = {
    name,
    maximumSizeBytes: parseSize(options.size),
    host: options.host ?? value.hosts[0]?.name ?? '',
    backEnd: options.backEnd,
    metadata: parseMetadata(options.meta ?? []),
  }
  const { dataset, path } = await onVolumes(session, options, (context) => createDataset(context, wanted))
  if (options.json === true) printJson({ ...shown(dataset), path })
  else {
    print(table([dataset]))
    advise(`\nmounted on ${dataset.primary} at ${path}. Next:\n  testbed volume move ${name} HOST`)
  }
}

export async function list(_: Session, options: Common): Promise<undefined> {
  const { value } = await loadTestbed(options.testbed)
  const datasets = await volumesOf(value.name).list()
  if (options.json === true) printJson(datasets.map(shown))
  else if (datasets.length === 0) advise('there are no datasets: testbed volume create makes one')
  else print(table(datasets))
}

export async function show(session: Session, options: Common, [name = '']: Arguments): Promise<undefined> {
  const { dataset, copies } = await onVolumes(session, options, async (context) => {
    const dataset = await context.store.get(name)
    return { dataset, copies: await copiesOf(context, dataset) }
  })
  if (options.json === true) {
    printJson({ ...shown(dataset), copies: copies.map(({ dataset: _, name: __, ...copy }) => copy) })
    return
  }
  print(table([dataset]))
  const rows = copies.map(({ host, role, epoch, attachedAt, usedBytes, snapshots }) => [
    host,
    role,
    String(epoch),
    attachedAt ?? '–',
    humanSize(usedBytes),
    snapshots.join(' '),
  ])
  print(`\n${columns([['copy on', 'role', 'epoch', 'mounted at', 'used', 'snapshots'], ...rows])}`)
}

export async function move(
  session: Session,
  options: Common & { readonly token?: string },
  [name = '', to = '']: Arguments,
): Promise<undefined> {
  const token = options.token === undefined ? {} : { token: options.token }
  const report = await onVolumes(session, options, async (context) => {
    const staged = await beginMove(context, name, to, token)
    await staged.handOver()
    return await staged.finish()
  })
  const { dataset, passes, frozenMs, totalMs } = report
  if (options.json === true) {
    printJson({ ...shown(dataset), passes, frozenMs, totalMs })
    return
  }
  const rows = passes.map(({ bytes, ms, frozen }, index) => [
    String(index + 1),
    frozen ? 'detached' : 'in use',
    humanSize(bytes),
    humanDuration(ms),
  ])
  print(columns([['pass', 'while', 'sent', 'took'], ...rows]))
  advise(
    `\n${name} is on ${to}: nobody could write for ${humanDuration(frozenMs)}, all of it took ${humanDuration(totalMs)}`,
  )
}

export async function attach(session: Session, options: Common, [name = '']: Arguments): Promise<undefined> {
  const path = await onVolumes(session, options, (context) => setAttached(context, name, true))
  if (options.json === true) printJson({ name, path })
  else print(path ?? '')
}

export async function detach(session: Session, options: Common, [name = '']: Arguments): Promise<undefined> {
  await onVolumes(session, options, (context) => setAttached(context, name, false))
  if (options.json === true) printJson({ name, state: 'detached' })
  else advise(`${name} is detached`)
}

export async function snapshot(
  session: Session,
  options: Common,
  [name = '', label = '']: Arguments,
): Promise<undefined> {
  await onVolumes(session, options, (context) => snapshotDataset(context, name, label))
  if (options.json === true) printJson({ name, snapshot: label })
  else advise(`${name} has a snapshot ${label}`)
}

export async function destroy(
  session: Session,
  options: Common & { readonly token?: string },
  [name = '']: Arguments,
): Promise<undefined> {
  const token = options.token === undefined ? {} : { token: options.token }
  const gone = await onVolumes(session, options, (context) => destroyDataset(context, name, token))
  if (options.json === true) printJson({ name, gone })
  else if (gone) advise(`${name} is gone`)
}

/** Leases need no host: whoever holds one can renew it while hosts are down or a move is under way. */
export async function lease(
  _: Session,
  options: Common & { readonly for: string; readonly holder?: string },
  [name = '']: Arguments,
): Promise<undefined> {
  const forMs = parseDuration(options.for)
  const holder = options.holder ?? `${userInfo().username}@${hostname()}`
  const { value } = await loadTestbed(options.testbed)
  const dataset = await volumesOf(value.name).update(name, (now) => ({
    ...now,
    lease: acquireLease(now, { host: now.primary, holder, forMs }, Date.now()),
  }))
  tellLease(dataset, options)
}

export async function renew(
  _: Session,
  options: Common & { readonly for: string; readonly token: string },
  [name = '']: Arguments,
): Promise<undefined> {
  const forMs = parseDuration(options.for)
  const { value } = await loadTestbed(options.testbed)
  const dataset = await volumesOf(value.name).update(name, (now) => ({
    ...now,
    lease: renewLease(now, options.token, forMs, Date.now()),
  }))
  tellLease(dataset, options)
}

export async function release(
  _: Session,
  options: Common & { readonly token: string },
  [name = '']: Arguments,
): Promise<undefined> {
  const { value } = await loadTestbed(options.testbed)
  await volumesOf(value.name).update(name, (now) => {
    requireOwnLease(now, options.token)
    const { lease: _, ...rest } = now
    return rest
  })
  if (options.json === true) printJson({ name, lease: null })
  else advise(`${name} is not leased any more`)
}

function tellLease({ name, lease }: Dataset, { json }: Common): void {
  if (lease === undefined) throw new Error('a lease that was taken has to be there')
  if (json === true) printJson({ name, ...lease })
  else {
    print(lease.token)
    advise(`${lease.holder} keeps ${name} on ${lease.host} until ${lease.expires}`)
  }
}

async function onVolumes<Result>(
  { signal }: Session,
  options: Common,
  use: (context: VolumeContext) => Promise<Result>,
): Promise<Result> {
  const { value } = await loadTestbed(options.testbed)
  const view = await createView(value.hosts.map(({ name }) => name))
  const { progress }: { progress: Progress } = view
  return await view.during(() => withVolumes(value.name, { progress, signal }, use))
}

interface Shown {
  readonly name: string
  readonly id: string
  readonly state: DatasetState
  readonly reason: string
  readonly primary: string
  readonly maximumSizeBytes: number
  readonly backEnd: BackEndName
  readonly epoch: number
  readonly metadata: Readonly<Record<string, string>>
  readonly createdAt: string
  readonly lease?: Omit<Lease, 'token'>
}

/** For people and scripts; a lease's token is its holder's alone. */
function shown(dataset: Dataset): Shown {
  const { name, id, primary, maximumSizeBytes, backEnd, epoch, metadata, createdAt, lease } = dataset
  const { token: _, ...known } = lease ?? { token: '', host: '', holder: '', expires: '' }
  return {
    name,
    id,
    ...stateOf(dataset),
    primary,
    maximumSizeBytes,
    backEnd,
    epoch,
    metadata,
    createdAt,
    ...(lease === undefined ? {} : { lease: known }),
  }
}

function table(datasets: readonly Dataset[]): string {
  const rows = datasets
    .map(shown)
    .map((one) => [
      one.name,
      one.state,
      one.primary,
      humanSize(one.maximumSizeBytes),
      one.backEnd,
      one.lease === undefined ? '–' : `${one.lease.holder} until ${one.lease.expires}`,
      one.reason,
    ])
  return columns([['dataset', 'state', 'primary', 'at most', 'back end', 'lease', 'why'], ...rows])
}

function parseMetadata(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [, key, value] = /^([^=]+)=(.*)$/s.exec(pair) ?? []
      if (key !== undefined && value !== undefined) return [key, value]
      throw new TestbedError('configuration', `--meta ${pair} is no key and value`, {
        hint: 'for example --meta owner=anna',
      })
    }),
  )
}
