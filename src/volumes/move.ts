import type { HostName } from '../config/resolved.ts'
import { messageOf, TestbedError } from '../core/errors.ts'
import { step } from '../core/progress.ts'
import { millisecondsBetween } from '../core/time.ts'
import { humanSize } from '../core/units.ts'
import type { Host } from '../hosts/host.ts'
import type { Push } from './back-end.ts'
import { backEndOf, requireHost, type VolumeContext } from './context.ts'
import { finishMove, undoMove } from './converge.ts'
import { copyArguments, freeBytes, listCopies, onCopy } from './copies.ts'
import type { Dataset } from './dataset.ts'
import { requireMovable } from './lease.ts'

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
  /**
   * The second phase: the source gives up the right to write, the rest follows, the destination gets it. Whatever fails before it
   * is handed over is undone. `frozen`: what uses the dataset stands still and is not asked to let go.
   * @throws TestbedError; the source has the dataset as before, unless the error says that it was handed over
   */
  finish(options?: { readonly frozen?: boolean; readonly signal?: AbortSignal }): Promise<MoveReport>
  /** Ends it before the second phase. */
  cancel(why: string): Promise<void>
}

/** Passes while the dataset is written to: until one is small, none is much smaller than the one before, or there were this many. */
const passesWhileRunning = { smallBytes: 1024 * 1024, shrinkingShare: 0.8, atMost: 5 }
/** What an undoing may take, whatever broke the move off. */
const undoMs = 120_000

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
  const { source, destination } = await step(progress, 'check', () => check(context, name, to, options.token))
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
      () => onCopy(destination, 'preparation of a copy', ['receiving', ...copyArguments(dataset)], signal),
      { host: to },
    )
    push = await backEndOf(dataset).openPush({ source, destination, dataset, progress, signal })
    await passWhileRunning(context, push, passes, source.name)
  } catch (error) {
    return await undo(error)
  }
  const opened = push
  return {
    cancel: async (why) => {
      opened.close()
      await undoNow(context, dataset, why)
    },
    finish: async ({ frozen = false, signal: within = signal } = {}) => {
      const here = { host: source.name }
      const frozenAt = clock.monotonicNs()
      let committed: Dataset
      try {
        await step(
          progress,
          'detach',
          () => onCopy(source, 'unmounting', ['detach', dataset.id, ...(frozen ? ['frozen'] : [])], within),
          here,
        )
        await step(
          progress,
          'give up the right to write',
          () => onCopy(source, 'giving up the right to write', ['demote', dataset.id], within),
          here,
        )
        passes.push(
          await step(progress, 'last pass', () => onePass(context, opened, true, within), {
            ...here,
            note: noteOf,
          }),
        )
        committed = await step(progress, 'hand over', () => commit(context, dataset, opened, options.token))
      } catch (error) {
        return await undo(error)
      }
      opened.close()
      const handedOver = committed.move
      if (handedOver === undefined) throw new Error('a committed move has to be written down')
      const attachedAt = await giveTo(context, destination, committed, opened.snapshot, within)
      const frozenMs = millisecondsBetween(frozenAt, attachedAt)
      await finishMove({ ...context, signal: within }, committed, handedOver)
      return {
        dataset: await store.get(name),
        passes,
        frozenMs,
        totalMs: millisecondsBetween(began, clock.monotonicNs()),
      }
    },
  }
}

/** @throws TestbedError before anything is changed */
async function check(
  context: VolumeContext,
  name: string,
  to: HostName,
  token: string | undefined,
): Promise<{ source: Host; destination: Host }> {
  const { store, signal } = context
  const dataset = await store.get(name)
  const { move, primary, backEnd, maximumSizeBytes } = dataset
  requireMovable(dataset, to, token, Date.now())
  if (move !== undefined || dataset.passing !== undefined) {
    throw new TestbedError(
      'busy',
      `${name} is ${move === undefined ? 'being made or unmade' : `still being moved to ${move.to}`}`,
      {
        hint: 'bring all hosts up, and it is settled: testbed up',
      },
    )
  }
  const destination = requireHost(context, to)
  if (to === primary) {
    throw new TestbedError('configuration', `${name} is on ${to} already`, {
      hint: `hosts are ${[...context.hosts.keys()].join(', ')}`,
    })
  }
  const source = requireHost(context, primary)
  if (!destination.facts.volumeBackEnds.includes(backEnd)) {
    throw new TestbedError('testbed', `it cannot keep copies by ${backEnd}`, {
      where: to,
      hint: 'testbed facts tells by what it can; the component volumes brings what is needed',
    })
  }
  const [free, there, here] = await Promise.all([
    freeBytes(destination, backEnd, signal),
    listCopies(destination, signal),
    listCopies(source, signal),
  ])
  const own = here.find((copy) => copy.dataset === dataset.id)
  const known = there.some((copy) => copy.dataset === dataset.id)
  // What may grow to its maximum size has to find room for it; an older copy holds a part of that already.
  const needed = known ? (own?.usedBytes ?? 0) : maximumSizeBytes
  if (free < needed) {
    throw new TestbedError(
      'testbed',
      `${name} does not fit: ${humanSize(needed)} are needed, ${humanSize(free)} free`,
      {
        where: to,
        hint: 'make room there, or move it to another host',
      },
    )
  }
  return { source, destination }
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
  { clock, progress }: VolumeContext,
  destination: Host,
  { id, epoch, attached }: Dataset,
  snapshot: string,
  signal: AbortSignal,
): Promise<bigint> {
  const where = { host: destination.name }
  const promote = ['promote', id, String(epoch), snapshot] as const
  await step(
    progress,
    'take over the right to write',
    () => onCopy(destination, 'promotion', promote, signal),
    where,
  )
  if (attached) {
    const attach = ['attach', id, String(epoch)] as const
    await step(progress, 'attach', () => onCopy(destination, 'mounting', attach, signal), where)
  }
  return clock.monotonicNs()
}

/** Whatever broke the move off, the source gets its dataset back now, and not only at the next start. */
async function undoNow(context: VolumeContext, dataset: Dataset, why: string): Promise<void> {
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
