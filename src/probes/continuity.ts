import { type Span, spansOf } from '../core/spans.ts'
import { type GoodAnswer, goodAnswers } from './gaps.ts'
import type { Sample } from './sample.ts'

export interface Continuity {
  /** Good answers that it was judged by. */
  readonly answers: number
  /** Identities seen after the first one; absent when answers carry none. */
  readonly restarts?: number
  readonly firstIdentity?: string
  readonly lastIdentity?: string
  /** Sequence of the last answer that carries one. */
  readonly lastSequence?: number
  /** Answers that went back: lower than one of the same identity that had come before this one was asked for. */
  readonly rolledBack: number
  /** How far the worst of them went back. */
  readonly furthestBack: number
  /** Answers whose sequence had been answered before; absent unless each answer should be unique. */
  readonly repeated?: number
  /** All the sequences that were answered; absent unless each answer should be unique. */
  readonly acknowledged?: readonly Span[]
}

/**
 * Whether the good answers of the `service` stream, in the order in which they came, tell one unbroken story.
 * Answers may overtake each other: only one that was asked for after a higher one had been answered has gone back.
 * `uniqueSequence`: each answer is a number of its own (Redis `INCR`, PostgreSQL ids), where a counter that is only read may repeat.
 */
export function continuity(samples: readonly Sample[], options: { uniqueSequence: boolean }): Continuity {
  const good = goodAnswers(samples, 'service')
  const identities = good.flatMap(({ identity }) => (identity === undefined ? [] : [identity]))
  const [firstIdentity] = identities
  const lastIdentity = identities.at(-1)
  const lastSequence = good.findLast(({ sequence }) => sequence !== undefined)?.sequence
  return {
    answers: good.length,
    ...(firstIdentity === undefined || lastIdentity === undefined
      ? {}
      : { restarts: new Set(identities).size - 1, firstIdentity, lastIdentity }),
    ...(lastSequence === undefined ? {} : { lastSequence }),
    ...stepsBack(good),
    ...(options.uniqueSequence
      ? { repeated: countRepeated(good), acknowledged: spansOf(sequencesOf(good)) }
      : {}),
  }
}

function stepsBack(good: readonly GoodAnswer[]): { rolledBack: number; furthestBack: number } {
  const asked = good.toSorted((a, b) => (a.sent < b.sent ? -1 : a.sent > b.sent ? 1 : 0))
  /** Highest sequence answered so far, of each identity. */
  const highest = new Map<string, number>()
  let answered = 0
  let rolledBack = 0
  let furthestBack = 0
  for (const { sent, identity = '', sequence } of asked) {
    for (let earlier = good[answered]; earlier !== undefined && earlier.done <= sent; ) {
      const key = earlier.identity ?? ''
      if (earlier.sequence !== undefined) {
        highest.set(key, Math.max(highest.get(key) ?? earlier.sequence, earlier.sequence))
      }
      earlier = good[++answered]
    }
    const reached = highest.get(identity)
    if (sequence === undefined || reached === undefined || sequence >= reached) continue
    rolledBack++
    furthestBack = Math.max(furthestBack, reached - sequence)
  }
  return { rolledBack, furthestBack }
}

function countRepeated(good: readonly GoodAnswer[]): number {
  const sequences = sequencesOf(good)
  return sequences.length - new Set(sequences).size
}

function sequencesOf(good: readonly GoodAnswer[]): number[] {
  return good.flatMap(({ sequence }) => (sequence === undefined ? [] : [sequence]))
}

export interface SequenceLoss {
  /** Increments that were answered with their number. */
  readonly acknowledged: number
  /** Answered with a number above the final value: undone. */
  readonly aboveFinal: number
  /** Answered with a number that another one was answered with too: one of the two was undone. */
  readonly repeated: number
  /** The sum of both: acknowledged increments that the final state does not hold. */
  readonly lost: number
}

/** Compares the acknowledged increments of the `service` stream with the value read once the probes had stopped. */
export function sequenceLoss(samples: readonly Sample[], finalValue: number): SequenceLoss {
  const good = goodAnswers(samples, 'service').filter(({ sequence }) => sequence !== undefined)
  const withinFinal = good.filter(({ sequence = 0 }) => sequence <= finalValue)
  const aboveFinal = good.length - withinFinal.length
  const repeated = countRepeated(withinFinal)
  return { acknowledged: good.length, aboveFinal, repeated, lost: aboveFinal + repeated }
}
