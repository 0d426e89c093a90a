import { messageOf } from '../core/errors.ts'
import type { Host } from '../hosts/host.ts'
import type { VolumeContext } from './context.ts'
import { undoMove } from './converge.ts'
import { onCopy } from './copies.ts'
import type { Dataset } from './dataset.ts'

/** What an undoing may take, whatever broke the move off. */
const undoMs = 120_000

/** Gives a dataset back to the host that it was moved from, also when the destination had it already and did nothing with it. */
export async function takeBack(
  context: VolumeContext,
  dataset: Dataset,
  destination: Host,
  why: string,
): Promise<void> {
  const signal = AbortSignal.timeout(undoMs)
  const { move } = await context.store.get(dataset.name)
  if (move === undefined) return
  if (move.committed) {
    // It may be dead: then its copy is one of an older epoch when it comes back.
    const discard = async () => {
      await onCopy(destination, 'unmounting', ['detach', dataset.id, 'lost'], signal)
      await onCopy(destination, 'giving up the right to write', ['demote', dataset.id], signal)
    }
    await discard().catch(() => undefined)
    const { snapshot: _, ...undone } = { ...move, committed: false }
    await context.store.update(dataset.name, (now) => {
      return { ...now, primary: move.from, epoch: now.epoch + 1, move: undone }
    })
  }
  await undoNow(context, dataset, why)
}

/** Whatever broke the move off, the source gets its dataset back now, and not only at the next start. */
export async function undoNow(context: VolumeContext, dataset: Dataset, why: string): Promise<void> {
  const signal = AbortSignal.timeout(undoMs)
  const { move } = dataset
  if (move === undefined) return
  const alive = new Map(
    await Promise.all(
      [...context.hosts].map(
        async ([name, host]) => [name, (await answers(host)) ? host : undefined] as const,
      ),
    ),
  )
  const current = await context.store.get(dataset.name)
  if (current.move?.committed === true) return // not to be undone any more
  await undoMove({ ...context, hosts: alive, signal }, current, move, why).catch((error: unknown) => {
    context.progress({ kind: 'warning', text: `${dataset.name}: ${messageOf(error)}`, host: move.from })
  })
}

async function answers(host: Host | undefined): Promise<boolean> {
  if (host === undefined) return false
  return await host.run({ argv: ['true'] }, { timeoutMs: 5000 }).then(
    () => true,
    () => false,
  )
}
