import { connect } from 'node:net'
import type { Answer, Exchange, Judgement, ProbeTarget } from './exchange.ts'
import { judgeError } from './outcome.ts'
import { createReader } from './reader.ts'
import type { Settle } from './recorder.ts'

export interface LongLivedConnection {
  /** Queues probe k; false once the socket is dead and that has been told: there is nothing left to measure. */
  probe(k: number, settle: () => Settle): boolean
  /**
   * Resolves once what is sent from now on is answered, or with the socket's death; at once when it is dead. An answer to what was
   * sent before proves nothing: the other side may have had that already, and what followed is still to be sent again.
   */
  told(): Promise<void>
  close(): void
}

interface Outstanding {
  readonly k: number
  readonly settle: Settle
}

/**
 * The one connection of the `connection` stream, opened now and never again. Its probes have no timeout: however late
 * an answer comes, it proves that the socket lives. When the socket dies, the oldest unanswered probe (or else the next
 * one) tells so; the rest stay unanswered.
 */
export function openLongLived(target: ProbeTarget, exchange: Exchange): LongLivedConnection {
  const reader = createReader(exchange.parse)
  const socket = connect({ host: target.host, port: target.port, noDelay: true })
  /** Oldest first. */
  const outstanding: Outstanding[] = []
  let death: Judgement | undefined
  let deathTold = false
  /** Requests that were written, and answers to them: they come in the same order. */
  let written = 0
  let answered = 0
  let waiting: readonly { readonly answers: number; readonly resolve: () => void }[] = []
  const tell = (): void => {
    const enough = ({ answers }: { readonly answers: number }) => death !== undefined || answered >= answers
    for (const one of waiting.filter(enough)) one.resolve()
    waiting = waiting.filter((one) => !enough(one))
  }

  const die = (judgement: Judgement): void => {
    if (death !== undefined) return
    death = judgement
    const oldest = outstanding.shift()
    if (oldest !== undefined) {
      oldest.settle(judgement)
      deathTold = true
    }
    socket.destroy()
    tell()
  }
  const write = (k: number): void => {
    written += 1
    socket.write(exchange.request('connection', k))
  }
  const accept = (answer: Answer): void => {
    const oldest = outstanding.shift()
    if (oldest === undefined) {
      if (answer.last === true) return // a good-bye; that the socket ends is told when it does
      throw new Error('an answer that nobody asked for')
    }
    answered += 1
    oldest.settle(exchange.judge('connection', oldest.k, answer))
    const next = outstanding[0]
    if (!exchange.pipelined && next !== undefined) write(next.k)
    tell()
  }
  socket.on('data', (chunk) => {
    try {
      for (const answer of reader.push(chunk)) accept(answer)
    } catch (error) {
      die(judgeError(error))
    }
  })
  socket.on('error', (error) => die(judgeError(error)))
  socket.on('end', () => die({ outcome: 'reset', detail: 'closed by the other side' }))
  if (exchange.opening !== undefined) socket.write(exchange.opening)

  return {
    probe(k, settle) {
      if (deathTold) return false
      if (death !== undefined) {
        settle()(death)
        deathTold = true
        return false
      }
      outstanding.push({ k, settle: settle() })
      if (exchange.pipelined || outstanding.length === 1) write(k)
      return true
    },
    told: async () => {
      if (death !== undefined) return
      const { promise, resolve } = Promise.withResolvers<void>()
      waiting = [...waiting, { answers: written + 1, resolve }]
      await promise
    },
    close: () => {
      death ??= { outcome: 'unanswered' }
      deathTold = true
      socket.destroy()
      tell()
    },
  }
}
