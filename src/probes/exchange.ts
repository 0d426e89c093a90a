import type { ProbeSpec } from '../config/resolved.ts'
import { httpExchange } from './http.ts'
import { postgresExchange } from './postgres.ts'
import { redisExchange } from './redis.ts'
import type { Outcome, StreamName } from './sample.ts'

/** Where the workload answers. `host` is an IP address: a look-up would be part of every latency. */
export interface ProbeTarget {
  readonly host: string
  readonly port: number
}

/** One complete answer as it came over the wire. */
export interface Answer {
  /** Status of an HTTP answer, type character of a Redis reply or a PostgreSQL message. */
  readonly code: string
  readonly body: Buffer
  /** The other side closes the connection after it, and may say so without being asked. */
  readonly last?: boolean
}

/** What an answer, or the lack of one, says: the part of a sample that is not a time. */
export interface Judgement {
  readonly outcome: Outcome
  readonly identity?: string
  readonly sequence?: number
  readonly detail?: string
}

/**
 * The first whole answer at the beginning of `bytes` and how many bytes it took; undefined while it is incomplete.
 * `ended`: the other side sends no more. Throws `MalformedAnswer`.
 */
export type AnswerParser = (bytes: Buffer, ended: boolean) => { answer: Answer; length: number } | undefined

/** What a protocol asks and how it reads the answers. It does no I/O: both streams bring their own sockets. */
export interface Exchange {
  readonly parse: AnswerParser
  /** Whether requests may be written before earlier ones on the same connection were answered. */
  readonly pipelined: boolean
  /** Written once on every connection, before its first request; it has no answer of its own. */
  readonly opening?: Buffer
  request(stream: StreamName, k: number): Buffer
  judge(stream: StreamName, k: number, answer: Answer): Judgement
}

/** Throws `TestbedError` (configuration) when the spec cannot be asked. */
export function exchangeFor(spec: ProbeSpec, target: ProbeTarget): Exchange {
  switch (spec.protocol) {
    case 'http':
      return httpExchange(spec, target)
    case 'redis':
      return redisExchange(spec)
    case 'postgres':
      return postgresExchange(spec)
  }
}
