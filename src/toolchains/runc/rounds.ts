import { type DumpStats, parseCriuStats } from '../criu-stats.ts'
import type { Side } from '../side.ts'
import type { Timeline } from '../timeline.ts'

export interface Round {
  readonly stats: DumpStats
  readonly bytes: number
}

/** When to stop copying: as few pages as a freeze hardly notices, or no hope that there will be fewer. */
export const stopRule = { rounds: 5, pages: 512, gain: 0.8 }

/** Why there is no further round; undefined when there should be one. @param written pages that each round wrote */
export function stopReason(
  written: readonly number[],
): 'few pages' | 'not converging' | 'rounds' | undefined {
  const [before, last] = [written.at(-2), written.at(-1)]
  if (last === undefined) return undefined
  if (last <= stopRule.pages) return 'few pages'
  if (written.length > 2 && before !== undefined && last > before * stopRule.gain) return 'not converging'
  return written.length >= stopRule.rounds ? 'rounds' : undefined
}

/**
 * Copies the memory while the workload runs, round after round what was written to since the last one (Theimer et al. 1985;
 * Clark et al., NSDI 2005), until the rest is small or does not get smaller. Why it stopped is a detail of the last round.
 */
export async function copyRounds(
  source: Side,
  destination: Side,
  timeline: Timeline,
  ms: number,
): Promise<readonly Round[]> {
  const rounds: Round[] = []
  for (let n = 1; ; n += 1) {
    const stopped = await timeline.phase('pre-dump', async (details) => {
      destination.tell(`round ${n}`)
      source.tell(`pre-dump ${n}`)
      const limit = { what: `round ${n} of pre-copy`, ms }
      const [told] = await Promise.race([
        Promise.all([source.expect('round', limit), destination.expect('round', limit)]),
        source.broken,
        destination.broken,
      ])
      const [, bytes, statistics] = told.split(' ')
      const dump = parseStatistics(statistics)
      rounds.push({ stats: dump, bytes: Number(bytes) })
      const reason = stopReason(rounds.map(({ stats }) => stats.pagesWritten))
      Object.assign(details, { round: n, bytes: Number(bytes), ...dump })
      if (reason !== undefined) details.stopped = reason
      return reason
    })
    if (stopped !== undefined) return rounds
  }
}

/** `stats-dump` as the source's script tells it: in base64. */
export function parseStatistics(text = ''): DumpStats {
  const { dump } = parseCriuStats(Buffer.from(text, 'base64'))
  if (dump === undefined) throw new RangeError('CRIU gave no statistics of a dump')
  return dump
}
