import { allEnded } from '../../core/all-ended.ts'
import { millisecondsBetween } from '../../core/time.ts'
import { type ClockOffset, estimateClockOffset } from '../../hosts/clock-offset.ts'
import { explainFailure } from '../criu-failure.ts'
import { releaseContainer } from '../criu-release.ts'
import { frozenSince, keepPreDump, saveCriuWork } from '../criu-work.ts'
import { goOnAtSource } from '../go-on.ts'
import { handOver, leaveServiceNetwork, makeNamespace, stageHandOver } from '../service-namespace.ts'
import type { StagedCommand } from '../staged-command.ts'
import type { Timeline } from '../timeline.ts'
import type { Migration, TrialContext } from '../toolchain.ts'
import { type MovingVolumes, pushVolumes } from '../trial-volumes.ts'
import { type ExportChannel, openExport } from './exported.ts'
import { containerOf, deploymentOf, podman, restoreTimeoutMs } from './podman.ts'

interface Staged {
  /** Of the checkpoint that ends the source's container. */
  readonly last: ExportChannel
  /** Of the memory that is copied while the workload runs. */
  readonly previous?: ExportChannel
  readonly handOver: StagedCommand
  readonly offset: ClockOffset
}

/**
 * `podman container checkpoint --export`, the archive streamed to the other host while it is written, `restore --import`
 * there. With `previous`, memory is exported once while the workload runs, and what has changed since when it is frozen.
 */
export async function migrate(
  context: TrialContext,
  timeline: Timeline,
  options: { readonly previous: boolean },
): Promise<Migration> {
  const { destination, clock } = context
  const staged = await timeline.phase('stage', () => stage(context, options.previous))
  try {
    const volumes = await pushVolumes(context, timeline)
    const before = await copyPrevious(context, timeline, staged)
    await timeline.phase('checkpoint', () =>
      staged.last.checkpoint(before === 0 ? [] : ['--with-previous']).catch(async (error: unknown) => {
        await volumes.takeBack('the workload could not be frozen')
        return await dumpFailed(context, error)
      }),
    )
    try {
      const transfer = timeline.phase('transfer', async (details) => {
        const moved = await staged.last.sent
        details.bytes = moved.bytes
        return moved
      })
      const [{ bytes }] = await allEnded([transfer, volumes.handOver({ frozen: true })])
      await timeline.phase('restore', () =>
        restore(context, staged).catch((error: unknown) =>
          explainFailure(context, destination, 'restore', error),
        ),
      )
      const resumed = clock.monotonicNs()
      await timeline.phase('switch', () => staged.handOver.complete())
      const pushed = await volumes.finish()
      return {
        deployment: await deploymentOf(context, destination),
        transferredBytes: before + bytes + pushed.bytes,
        figures: () => addFigures(context, staged, resumed, timeline),
      }
    } catch (error) {
      return await goOnAtSource(context, error, () => takeBack(context, volumes))
    }
  } finally {
    staged.last.close()
    staged.handOver.close()
    staged.previous?.close()
  }
}

/** What needs no frozen workload: the destination's network, the streams into it, the source's clock. */
async function stage(context: TrialContext, previous: boolean): Promise<Staged> {
  const { source, destination, clock } = context
  const [last, before, offset, ready] = await Promise.all([
    openExport(context, 'checkpoint'),
    previous ? openExport(context, 'previous') : undefined,
    estimateClockOffset(source, clock),
    makeNamespace(context, destination).then(() => stageHandOver(context, destination, 3)),
  ])
  return { last, offset, handOver: ready, ...(before === undefined ? {} : { previous: before }) }
}

/** Copies all memory while the workload runs on; podman knows one such round. Answers how many bytes went over. */
async function copyPrevious(context: TrialContext, timeline: Timeline, staged: Staged): Promise<number> {
  const { previous } = staged
  if (previous === undefined) return 0
  const { source, signal } = context
  return await timeline.phase('pre-checkpoint', async (details) => {
    await previous.checkpoint(['--pre-checkpoint']).catch((error: unknown) => dumpFailed(context, error))
    const [{ bytes }] = await Promise.all([previous.sent, keepPreDump(source, signal)])
    details.bytes = bytes
    return bytes
  })
}

/** CRIU lets a workload go on that it could not dump, unless it ended before it could. */
async function dumpFailed(context: TrialContext, error: unknown): Promise<never> {
  const { source } = context
  const id = await podman(context, source, [
    ...['container', 'inspect', '--format', '{{.Id}}', containerOf(context)],
  ]).catch(() => '')
  const left = await releaseContainer(context, source, '/run/runc', id)
  return await explainFailure(context, source, 'dump', error, left)
}

/** Restores on the destination; meanwhile the source, whose container is gone, stops answering for the address. */
async function restore(context: TrialContext, { last, previous }: Staged): Promise<void> {
  const { source, destination } = context
  const earlier = previous === undefined ? [] : ['--import-previous', previous.archive]
  await Promise.all([
    podman(
      context,
      destination,
      ['container', 'restore', '--import', last.archive, ...earlier, '--tcp-established'],
      restoreTimeoutMs,
    ),
    leaveServiceNetwork(context, source),
  ])
}

/** The source has its checkpoint still: what the destination could not take is restored there. */
async function takeBack(context: TrialContext, volumes: MovingVolumes): Promise<void> {
  const { source, destination } = context
  await leaveServiceNetwork(context, destination).catch(() => undefined) // it may be gone altogether
  await volumes.takeBack('the workload could not be restored there')
  await podman(context, source, ['container', 'restore', '--tcp-established', containerOf(context)])
  await handOver(context, source, 3)
  await deploymentOf(context, source)
}

/** Attaches CRIU's own figures to the phases. Answers how long the workload was frozen in all, when CRIU told. */
async function addFigures(
  context: TrialContext,
  { offset, previous }: Staged,
  resumed: bigint,
  timeline: Timeline,
): Promise<{ frozenMs?: number }> {
  const { source, destination, folder, signal } = context
  const [before, dump, restored] = await Promise.all([
    previous === undefined ? undefined : saveCriuWork(source, 'pre-dump', folder, signal),
    saveCriuWork(source, 'dump', folder, signal),
    saveCriuWork(destination, 'restore', folder, signal),
  ])
  if (before !== undefined) timeline.annotate('pre-checkpoint', { ...before.dump })
  timeline.annotate('checkpoint', { ...dump.dump, clockUncertaintyMs: offset.uncertaintyMs })
  timeline.annotate('restore', { ...restored.restore })
  const since = frozenSince(dump, offset)
  if (since === undefined) return {}
  const earlierUs = before?.dump === undefined ? 0 : before.dump.freezingUs + before.dump.frozenUs
  return { frozenMs: millisecondsBetween(since, resumed) + earlierUs / 1000 }
}
