import { millisecondsBetween } from '../core/time.ts'
import { findSilences, goodAnswers } from './gaps.ts'
import type { Marks, ProbeSettings } from './marks.ts'
import type { Outcome, Sample } from './sample.ts'

/**
 * What became of the connection that was open before the migration. `survived`: good answers on the same socket after
 * the migration and until the end. `reset`: the socket was closed or broken. `stalled`: neither; no more good answers
 * came. `not-observed`: it did not work when the migration began, so nothing can be said.
 */
export type ConnectionVerdict = 'survived' | 'reset' | 'stalled' | 'not-observed'

export interface ConnectionFate {
  readonly verdict: ConnectionVerdict
  /** Longest gap between good answers on the same socket; absent unless it survived. */
  readonly connectionDowntimeMs?: number
  /** How the socket broke. */
  readonly detail?: string
}

/** An answer, be it a bad one, leaves the socket alive; anything else was its end. */
const alive: ReadonlySet<Outcome> = new Set<Outcome>(['ok', 'wrong', 'unanswered'])

/** `settings` are those of the `connection` stream. */
export function connectionFate(
  samples: readonly Sample[],
  marks: Marks,
  settings: ProbeSettings,
): ConnectionFate {
  const good = goodAnswers(samples, 'connection')
  const broken = samples.find((sample) => sample.stream === 'connection' && !alive.has(sample.outcome))
  const firstGood = good[0]?.done
  const brokenAt = broken?.done
  const workedBefore = firstGood !== undefined && firstGood < marks.migrateStart
  if (!workedBefore || (brokenAt !== undefined && brokenAt < marks.migrateStart)) {
    return { verdict: 'not-observed' }
  }
  if (broken !== undefined) return { verdict: 'reset', detail: broken.detail ?? broken.outcome }
  const { longest, restored } = findSilences(good, marks, settings)
  const answeredAfter = (good.at(-1)?.done ?? 0n) >= marks.migrateEnd
  if (!restored || !answeredAfter || longest === undefined) return { verdict: 'stalled' }
  return { verdict: 'survived', connectionDowntimeMs: millisecondsBetween(longest.from, longest.to) }
}
