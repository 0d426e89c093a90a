import type { HostName } from '../config/resolved.ts'
import { allEnded } from '../core/all-ended.ts'
import { messageOf, TestbedError } from '../core/errors.ts'
import { step } from '../core/progress.ts'
import { millisecondsBetween } from '../core/time.ts'
import { humanSize } from '../core/units.ts'
import type { Host } from '../hosts/host.ts'
import type { Push } from './back-end.ts'
import { backEndOf, type VolumeContext } from './context.ts'
import { finishMove } from './converge.ts'
import { copyArguments, onCopy } from './copies.ts'
import type { Dataset } from './dataset.ts'
import { requireMovable } from './lease.ts'
import { checkMove } from './move-check.ts'
import { homeOf, letIn } from './shared.ts'
import { takeBack, undoNow } from './take-back.ts'

/** What one pass sent, while the dataset was written to or not. */
export interface Pass {
  readonly bytes: number
  readonly ms: number
  readonly frozen: boolean
}

export interface MoveReport {
  readonly dataset: Dataset
  readonly passes: readonly Pass[]
  /** From when nothing could write any more until the destination could. */
  readonly frozenMs: number
  readonly totalMs: number
}

/** The first phase is done: all but what has changed lately is at the destination, and the source serves. */
export interface StagedMove {
  readonly passes: readonly Pass[]
  /**
   * The second phase: the source gives up the right to write, the rest follows, the destination gets it. Whatever fails before it
   * is handed over is undone. `frozen`: what uses the dataset stands still and is not asked to let go.
   * @throws TestbedError; the source has the dataset as before, unless the error says that it was handed over
   */
  handOver(options?: { readonly frozen?: boolean }): Promise<{ readonly frozenMs: number }>
  /** After the hand-over: the source forgets what it had. */
  finish(): Promise<MoveReport>
  /** Instead of it: the source has the dataset again, as it was when it gave up the right to write. Idempotent. */
  takeBack(why: string): Promise<void>
}

/** Passes while the dataset is written to: until one is small, none is much smaller than the one before, or there were this many. */
const passesWhileRunning = { smallBytes: 1024 * 1024, shrinkingShare: 0.8, atMost: 5 }

/**
 * Begins to move a dataset: writes down what is wanted, then brings everything over while it is in use (two-phase push).
 * @param options.token of the lease that the caller has
 * @throws TestbedError `busy` while a lease keeps it, `configuration` or `testbed` when the destination cannot take it; then nothing has changed
 */
export async function beginMove(
  context: VolumeContext,
  name: string,
  to: HostName,
  options: { readonly token?: string } = {},
): Promise<StagedMove> {
  const { store, clock, progress, signal } = context
  const began = clock.monotonicNs()
  const { source, destination } = await step(progress, 'check', () =>
    checkMove(context, name, to, options.token),
  )
  const dataset = await step(progress, 'write down the move', () =>
    store.update(name, (now) => {
      requireMovable(now, to, options.token, Date.now())
      const startedAt = new Date().toISOString()
      return { ...now, move: { from: now.primary, to, startedAt, committed: false } }
    }),
  )
  const passes: Pass[] = []
  let push: Push | undefined
  const undo = async (error: unknown): Promise<never> => {
    push?.close()
    await undoNow(context, dataset, messageOf(error))
    throw error
  }
  try {
    await step(
      progress,
      'make a copy ready',
      () =>
        onCopy(
          destination,
          'preparation of a copy',
          ['receiving', ...copyArguments(dataset, homeOf(context, dataset))],
          signal,
        ),
      { host: to },
    )
    push = await backEndOf(dataset).openPush({ source, destination, dataset, signal })
    await passWhileRunning(context, push, passes, source.name)
  } catch (error) {
    return await undo(error)
  }
  const opened = push
  let frozenMs = 0
  return {
    passes,
    handOver: async ({ frozen = false } = {}) => {
      const frozenAt = clock.monotonicNs()
      let committed: Dataset
      try {
        await detach(context, source, dataset, frozen)
        // Both are needed before anybody else may write, and neither waits for the other: nothing writes any more.
        const last = () => onePass(context, opened, true, signal)
        const [, pass] = await allEnded([
          demote(context, source, dataset),
          step(progress, 'last pass', last, { host: source.name, note: noteOf }),
        ])
        passes.push(pass)
        committed = await step(progress, 'hand over', () => commit(context, dataset, opened, options.token))
      } catch (error) {
        return await undo(error)
      }
      frozenMs = millisecondsBetween(
        frozenAt,
        await giveTo(context, destination, committed, opened.snapshot, signal),
      )
      return { frozenMs }
    },
    finish: async () => {
      opened.close()
      const committed = await store.get(name)
      if (committed.move?.committed !== true) throw new Error(`${name} was not handed over`)
      await finishMove(context, committed, committed.move)
      const totalMs = millisecondsBetween(began, clock.monotonicNs())
      return { dataset: await store.get(name), passes, frozenMs, totalMs }
    },
    takeBack: async (why) => {
      opened.close()
      await takeBack(context, dataset, destination, why)
    },
  }
}

async function detach(
  { progress, signal }: VolumeContext,
  source: Host,
  { id }: Dataset,
  frozen: boolean,
): Promise<void> {
  const args = ['detach', id, ...(frozen ? ['frozen'] : [])] as [string, ...string[]]
  await step(progress, 'detach', () => onCopy(source, 'unmounting', args, signal), { host: source.name })
}

/** The source has no right to write any more, and does not get it back by itself. */
async function demote(context: VolumeContext, source: Host, dataset: Dataset): Promise<void> {
  const { progress, signal } = context
  const giveUp = async () => {
    await onCopy(source, 'giving up the right to write', ['demote', dataset.id], signal)
    await letIn(context, dataset, undefined, signal)
  }
  await step(progress, 'give up the right to write', giveUp, { host: source.name })
}

async function passWhileRunning(
  context: VolumeContext,
  push: Push,
  passes: Pass[],
  host: HostName,
): Promise<void> {
  const { smallBytes, shrinkingShare, atMost } = passesWhileRunning
  for (let number = 1; number <= atMost; number += 1) {
    const before = passes.at(-1)
    const name = number === 1 ? 'first pass' : `pass ${number}`
    const pass = await step(context.progress, name, () => onePass(context, push, false, context.signal), {
      host,
      note: noteOf,
    })
    passes.push(pass)
    if (pass.bytes <= smallBytes) return
    if (before !== undefined && pass.bytes > before.bytes * shrinkingShare) return
  }
}

async function onePass(
  { clock }: VolumeContext,
  push: Push,
  final: boolean,
  signal: AbortSignal,
): Promise<Pass> {
  const began = clock.monotonicNs()
  const { bytes } = await push.pass({ final, signal })
  return { bytes, ms: millisecondsBetween(began, clock.monotonicNs()), frozen: final }
}

function noteOf({ bytes }: Pass): string {
  return humanSize(bytes)
}

/** The moment at which the destination becomes the primary. @throws TestbedError when somebody leased it meanwhile */
async function commit(
  { store }: VolumeContext,
  { name, epoch }: Dataset,
  { snapshot }: Push,
  token: string | undefined,
): Promise<Dataset> {
  return await store.update(name, (now) => {
    const { move } = now
    if (move === undefined || now.epoch !== epoch)
      throw new TestbedError('busy', `somebody else moves ${name}`)
    requireMovable(now, move.to, token, Date.now())
    return { ...now, primary: move.to, epoch: epoch + 1, move: { ...move, committed: true, snapshot } }
  })
}

/** What users wait for comes first; tidying up follows. Answers when the destination could write. */
async function giveTo(
  context: VolumeContext,
  destination: Host,
  dataset: Dataset,
  snapshot: string,
  signal: AbortSignal,
): Promise<bigint> {
  const { clock, progress } = context
  const { id, epoch, attached } = dataset
  const where = { host: destination.name }
  const promote = async () => {
    await onCopy(destination, 'promotion', ['promote', id, String(epoch), snapshot], signal)
    await letIn(context, dataset, destination, signal)
  }
  await step(progress, 'take over the right to write', promote, where)
  if (attached) {
    const attach = ['attach', id, String(epoch)] as const
    await step(progress, 'attach', () => onCopy(destination, 'mounting', attach, signal), where)
  }
  return clock.monotonicNs()
}
