import { millisecondsBetween } from '../../core/time.ts'
import type { ClockOffset } from '../../hosts/clock-offset.ts'
import { saveCriuWork } from '../criu-work.ts'
import type { Timeline } from '../timeline.ts'
import type { TrialContext } from '../toolchain.ts'
import { readFrozenAt } from './host-side.ts'
import type { Round } from './rounds.ts'

interface Freeze {
  readonly offset: ClockOffset
  /** When the destination said that it runs again, on our monotonic clock. */
  readonly resumed: bigint
  readonly rounds: readonly Round[]
}

/**
 * Attaches CRIU's own figures to the phases. The workload was frozen from the stamp that its host took just before until we
 * heard that it runs again, and in every round as long as CRIU says.
 */
export async function addFigures(
  context: TrialContext,
  timeline: Timeline,
  { offset, resumed, rounds }: Freeze,
): Promise<{ readonly frozenMs?: number }> {
  const { source, destination, folder, signal } = context
  const [dump, restore, frozenAt] = await Promise.all([
    saveCriuWork(source, 'dump', folder, signal),
    saveCriuWork(destination, 'restore', folder, signal),
    readFrozenAt(source, signal),
  ])
  // CRIU's server of lazy pages begins its statistics anew and overwrites those of the dump: there is nothing in them.
  const dumped = dump.dump?.pagesScanned === 0 ? undefined : dump.dump
  timeline.annotate('checkpoint', { ...dumped, clockUncertaintyMs: offset.uncertaintyMs })
  timeline.annotate('restore', { ...restore.restore })
  const before = rounds.reduce((sum, { stats }) => sum + (stats.freezingUs + stats.frozenUs) / 1000, 0)
  if (frozenAt === undefined) return {}
  return { frozenMs: before + millisecondsBetween(frozenAt - offset.offsetNs, resumed) }
}
