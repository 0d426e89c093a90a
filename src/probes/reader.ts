import type { Answer, AnswerParser } from './exchange.ts'

/** The bytes can never become an answer of the protocol. */
export class MalformedAnswer extends Error {
  override readonly name = 'MalformedAnswer'
}

/** No workload has to say more than this to a probe; it bounds what a broken one can make us hold. */
export const maximumAnswerBytes = 1024 * 1024

export interface AnswerReader {
  /** Takes bytes as they come and returns the answers that they complete. Throws `MalformedAnswer`. */
  push(chunk: Buffer): Answer[]
  /** The other side sends no more: the answer that only this completes, if there is one. */
  end(): Answer | undefined
}

/** Reads the answers of one connection, however the network cut them up. */
export function createReader(parse: AnswerParser): AnswerReader {
  let pending: Buffer = Buffer.alloc(0)
  return {
    push(chunk) {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
      const answers: Answer[] = []
      while (pending.length > 0) {
        const parsed = parse(pending, false)
        if (parsed === undefined) break
        answers.push(parsed.answer)
        pending = pending.subarray(parsed.length)
      }
      if (pending.length > maximumAnswerBytes) {
        throw new MalformedAnswer(`an answer larger than ${maximumAnswerBytes} bytes`)
      }
      return answers
    },
    end: () => (pending.length === 0 ? undefined : parse(pending, true)?.answer),
  }
}
