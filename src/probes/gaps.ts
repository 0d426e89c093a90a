import { answerMarginNs, type Marks, type ProbeSettings } from './marks.ts'
import type { Sample, StreamName } from './sample.ts'

/** A good answer; `done` is always there. */
export type GoodAnswer = Sample & { readonly done: bigint }

/** The good answers of one stream in the order in which they came. */
export function goodAnswers(samples: readonly Sample[], stream: StreamName): GoodAnswer[] {
  return samples
    .filter((sample): sample is GoodAnswer => {
      return sample.stream === stream && sample.outcome === 'ok' && sample.done !== undefined
    })
    .sort((a, b) => (a.done < b.done ? -1 : a.done > b.done ? 1 : 0))
}

/** The time between two consecutive good answers. */
interface Gap {
  readonly from: bigint
  readonly to: bigint
}

export interface Silences {
  /** Every gap that touches [migrateStart, end], whole: from the last good answer before it. */
  readonly gaps: readonly Gap[]
  /** The first of the longest. */
  readonly longest?: Gap
  /** From the last good answer to the end: how long this gap would have become is not known. */
  readonly tailNs?: bigint
  /** Whether it answered again: only then is the longest gap a number, else it is censored. */
  readonly restored: boolean
}

/** Gaps above this are outages: two answers missing in a row could still be a network's or a processor's hiccup. */
export function outageThresholdNs(ratePerSecond: number): bigint {
  return BigInt(Math.round(3e9 / ratePerSecond))
}

/**
 * The silences of one stream. It counts as restored when it answered up to the end (the tail is no outage), or when the
 * tail is a hiccup: good answers came after the migration had ended and within the last second, and the tail is not
 * longer than a gap that did end.
 */
export function findSilences(good: readonly GoodAnswer[], marks: Marks, settings: ProbeSettings): Silences {
  const gaps: Gap[] = []
  let longest: Gap | undefined
  for (let index = 1; index < good.length; index++) {
    const [from, to] = [good[index - 1]?.done, good[index]?.done]
    if (from === undefined || to === undefined || to < marks.migrateStart || from > marks.end) continue
    const gap = { from, to }
    gaps.push(gap)
    if (longest === undefined || to - from > longest.to - longest.from) longest = gap
  }
  const last = good.at(-1)?.done
  if (last === undefined) return { gaps, restored: false }
  const tailNs = marks.end > last ? marks.end - last : 0n
  const hiccup =
    last >= marks.migrateEnd &&
    tailNs < answerMarginNs(settings.timeoutMs) &&
    longest !== undefined &&
    tailNs <= longest.to - longest.from
  const restored = tailNs <= outageThresholdNs(settings.ratePerSecond) || hiccup
  return { gaps, ...(longest === undefined ? {} : { longest }), tailNs, restored }
}
