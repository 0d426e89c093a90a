import type { ProbeSpec } from '../config/resolved.ts'
import { messageOf, TestbedError } from '../core/errors.ts'
import type { Answer, Exchange, Judgement, ProbeTarget } from './exchange.ts'
import { parseHttpAnswer } from './http-answer.ts'
import { valueAt } from './json-pointer.ts'

type HttpSpec = Extract<ProbeSpec, { protocol: 'http' }>

/**
 * `GET path`, one at a time on a connection: pipelining is in the standard, but not in every server.
 * Written on plain sockets: a request object of `undici` or `node:http` for every probe takes more than half as much
 * processor time again as the connection itself.
 */
export function httpExchange(spec: HttpSpec, target: ProbeTarget): Exchange {
  if (!/^\/[!-~]*$/.test(spec.path)) {
    throw new TestbedError('configuration', `a probe cannot ask for the path ${JSON.stringify(spec.path)}`, {
      hint: 'it starts with / and has only printable ASCII characters without spaces: percent-encode the rest',
    })
  }
  const request = Buffer.from(
    `GET ${spec.path} HTTP/1.1\r\nHost: ${target.host}:${target.port}\r\nUser-Agent: migration-testbed\r\nAccept: */*\r\n\r\n`,
    'latin1',
  )
  return {
    parse: parseHttpAnswer,
    pipelined: false,
    request: () => request,
    judge: (_stream, _k, answer) => judgeHttp(spec, answer),
  }
}

/** Good is the expected status and, where the spec names them, an identity and a sequence in the JSON body. */
export function judgeHttp(spec: HttpSpec, answer: Answer): Judgement {
  if (answer.code !== String(spec.expectStatus)) return { outcome: 'wrong', detail: `status ${answer.code}` }
  if (spec.identity === undefined && spec.sequence === undefined) return { outcome: 'ok' }
  let body: unknown
  try {
    body = JSON.parse(answer.body.toString('utf8'))
  } catch (error) {
    return { outcome: 'wrong', detail: `body is not JSON: ${messageOf(error)}` }
  }
  const found: { identity?: string; sequence?: number } = {}
  if (spec.identity !== undefined) {
    const value = valueAt(body, spec.identity)
    if (typeof value !== 'string' && typeof value !== 'number') {
      return { outcome: 'wrong', detail: `no string or number at ${spec.identity}` }
    }
    found.identity = String(value)
  }
  if (spec.sequence !== undefined) {
    const value = valueAt(body, spec.sequence)
    if (typeof value !== 'number') return { outcome: 'wrong', detail: `no number at ${spec.sequence}` }
    found.sequence = value
  }
  return { outcome: 'ok', ...found }
}
