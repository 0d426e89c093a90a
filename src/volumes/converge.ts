import { messageOf } from '../core/errors.ts'
import { step } from '../core/progress.ts'
import { backEndOf, runningHosts, type VolumeContext } from './context.ts'
import { type Copy, listCopies, onCopy } from './copies.ts'
import type { Dataset, Move } from './dataset.ts'
import { letIn } from './shared.ts'

/**
 * Makes the hosts' copies what is written down: finishes a hand-off that was committed and undoes one that was not, takes the
 * right to write from every copy that is not the primary's, mounts what is to be mounted. What a dead host keeps from being
 * done is left for later, and told. Never throws for one dataset what would keep others from being looked after.
 */
export async function converge(context: VolumeContext): Promise<void> {
  const { store, progress, signal } = context
  const copies = (await Promise.all(runningHosts(context).map((host) => listCopies(host, signal)))).flat()
  const datasets = await store.list()
  for (const dataset of datasets) {
    const own = copies.filter((copy) => copy.dataset === dataset.id)
    try {
      await settle(context, dataset, own)
    } catch (error) {
      signal.throwIfAborted()
      progress({ kind: 'warning', text: `dataset ${dataset.name}: ${messageOf(error)}` })
    }
  }
  for (const copy of copies.filter(({ dataset }) => !datasets.some(({ id }) => id === dataset))) {
    const text = `there is a copy of a dataset that nobody here knows: ${copy.name} (${copy.dataset})`
    progress({ kind: 'warning', text, host: copy.host })
  }
}

async function settle(context: VolumeContext, dataset: Dataset, copies: readonly Copy[]): Promise<void> {
  if (dataset.passing !== undefined) await removeCopies(context, dataset)
  else if (dataset.move === undefined) await keepAsIs(context, dataset, copies)
  else if (dataset.move.committed) await finishMove(context, dataset, dataset.move)
  else await undoMove(context, dataset, dataset.move, 'it was interrupted')
}

/** Removes every copy, and forgets the dataset when every host has been asked. Answers whether it is gone. */
export async function removeCopies(context: VolumeContext, dataset: Dataset): Promise<boolean> {
  const { store, hosts, progress, signal } = context
  for (const host of runningHosts(context)) {
    const remove = () => onCopy(host, `removal of ${dataset.name}`, ['destroy', dataset.id], signal)
    await step(progress, 'remove its copy', remove, { host: host.name })
  }
  const silent = [...hosts].flatMap(([name, host]) => (host === undefined ? [name] : []))
  if (silent.length > 0) {
    const text = `${dataset.name} goes for good when ${silent.join(' and ')} can be asked: testbed up`
    progress({ kind: 'warning', text })
    return false
  }
  await store.remove(dataset.name)
  return true
}

async function keepAsIs(context: VolumeContext, dataset: Dataset, copies: readonly Copy[]): Promise<void> {
  const { store, hosts } = context
  for (const stale of copies) {
    if (stale.host !== dataset.primary && stale.role === 'primary') await takeRight(context, dataset, stale)
  }
  if (hosts.get(dataset.primary) === undefined) return
  const own = copies.find(({ host }) => host === dataset.primary)
  if (own === undefined) {
    const failure = `its copy on ${dataset.primary} is gone: was the host made anew?`
    if (dataset.failure !== failure) await store.update(dataset.name, (now) => ({ ...now, failure }))
    return
  }
  await makePrimary(context, dataset, own)
}

/** A primary of another epoch was left behind by a failure: it never gets the right to write back by itself. */
async function takeRight(context: VolumeContext, dataset: Dataset, copy: Copy): Promise<void> {
  const { hosts, progress, signal } = context
  const host = hosts.get(copy.host)
  if (host === undefined) return
  const take = async () => {
    if (copy.attachedAt !== undefined)
      await onCopy(host, 'unmounting', ['detach', dataset.id, 'lost'], signal)
    await onCopy(host, 'taking the right to write', ['demote', dataset.id], signal)
  }
  await step(progress, `take the right to write ${dataset.name}`, take, { host: copy.host })
}

/** Gives the copy of the primary what it is to have. Idempotent. */
async function makePrimary(
  context: VolumeContext,
  dataset: Dataset,
  now: Pick<Copy, 'role' | 'epoch' | 'attachedAt'> | undefined,
  snapshot = '',
): Promise<void> {
  const { hosts, progress, signal } = context
  const host = hosts.get(dataset.primary)
  if (host === undefined) return
  const where = { host: host.name }
  const { id, name, epoch, attached } = dataset
  if (now?.role !== 'primary' || now.epoch !== epoch) {
    const promote = () => onCopy(host, 'promotion', ['promote', id, String(epoch), snapshot], signal)
    await step(progress, `give ${name} to it`, promote, where)
  }
  // What serves the files may have been off since.
  await letIn(context, dataset, host, signal)
  if (attached && now?.attachedAt === undefined) {
    await step(
      progress,
      `attach ${name}`,
      () => onCopy(host, 'mounting', ['attach', id, String(epoch)], signal),
      where,
    )
  }
  if (!attached && now?.attachedAt !== undefined) {
    await step(progress, `detach ${name}`, () => onCopy(host, 'unmounting', ['detach', id], signal), where)
  }
}

/** Gives the source the right to write back, and ends the move there. @throws TestbedError when the source does not let it */
export async function undoMove(
  context: VolumeContext,
  dataset: Dataset,
  move: Move,
  failure: string,
): Promise<void> {
  const { store, hosts, progress, signal } = context
  if (hosts.get(move.from) === undefined) {
    const text = `${dataset.name}: its move is undone when ${move.from} runs again: testbed up`
    progress({ kind: 'warning', text })
    return
  }
  await makePrimary(context, dataset, undefined)
  await tidy(context, dataset, signal)
  const { move: _, ...rest } = dataset
  await store.update(dataset.name, ({ lease }) => ({
    ...rest,
    ...(lease === undefined ? {} : { lease }),
    failure: `the move to ${move.to} failed: ${failure}`,
  }))
}

/** After the commit: the destination becomes what it is by now, the source forgets what it was. @throws TestbedError */
export async function finishMove(context: VolumeContext, dataset: Dataset, move: Move): Promise<void> {
  const { store, hosts, progress, signal } = context
  const destination = hosts.get(move.to)
  if (destination === undefined) {
    const text = `${dataset.name} is ${move.to}'s, which does not run: testbed up`
    progress({ kind: 'warning', text })
    return
  }
  const copies = await listCopies(destination, signal)
  const own = copies.find((copy) => copy.dataset === dataset.id)
  await makePrimary(context, dataset, own, move.snapshot)
  const source = hosts.get(move.from)
  if (source !== undefined) {
    const release = () => onCopy(source, 'release', ['release', dataset.id], signal)
    await step(progress, `forget what was ${dataset.name} here`, release, { host: source.name })
  }
  await tidy(context, dataset, signal)
  await store.update(dataset.name, ({ move: _, failure: __, ...rest }) => rest)
}

/** What passes left is no reason to fail: the next move removes it as well. */
async function tidy(context: VolumeContext, dataset: Dataset, signal: AbortSignal): Promise<void> {
  const withCopies = []
  for (const host of runningHosts(context)) {
    const copies = await listCopies(host, signal)
    if (copies.some((copy) => copy.dataset === dataset.id)) withCopies.push(host)
  }
  await backEndOf(dataset).tidy(withCopies, dataset, signal)
}
