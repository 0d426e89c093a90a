import { connect } from 'node:net'
import type { Exchange, Judgement, ProbeTarget } from './exchange.ts'
import { judgeError } from './outcome.ts'
import { createReader } from './reader.ts'
import type { Settle } from './recorder.ts'

/**
 * One probe of the `service` stream: a connection of its own, one request, one answer. `settle` is called once, at the
 * answer, the error, or `timeoutMs` after this call.
 */
export function probeFresh(
  target: ProbeTarget,
  exchange: Exchange,
  k: number,
  timeoutMs: number,
  settle: Settle,
): void {
  const reader = createReader(exchange.parse)
  const socket = connect({ host: target.host, port: target.port })
  const finish = (judgement: Judgement): void => {
    clearTimeout(timer)
    settle(judgement)
    // An RST leaves no TIME_WAIT on either side, which at some hundred connections a second would use up the ports.
    // A socket that is still connecting would wait for the answer to its SYN first.
    if (socket.connecting) socket.destroy()
    else socket.resetAndDestroy()
  }
  const timer = setTimeout(() => finish({ outcome: 'timeout' }), timeoutMs)
  const attempt = (read: () => Judgement | undefined): void => {
    try {
      const judgement = read()
      if (judgement !== undefined) finish(judgement)
    } catch (error) {
      finish(judgeError(error))
    }
  }
  socket.on('error', (error) => finish(judgeError(error)))
  socket.on('data', (chunk) =>
    attempt(() => {
      const [answer] = reader.push(chunk)
      return answer && exchange.judge('service', k, answer)
    }),
  )
  socket.on('end', () =>
    attempt(() => {
      const answer = reader.end()
      if (answer === undefined) return { outcome: 'reset', detail: 'closed before the answer' }
      return exchange.judge('service', k, answer)
    }),
  )
  const request = exchange.request('service', k)
  // Kept by the socket until it is connected. In one piece: a second one would wait until the first was acknowledged.
  socket.write(exchange.opening === undefined ? request : Buffer.concat([exchange.opening, request]))
}
