import type { ProbeSpec } from '../config/resolved.ts'
import type { Answer, AnswerParser, Exchange, Judgement } from './exchange.ts'
import { MalformedAnswer } from './reader.ts'
import type { StreamName } from './sample.ts'

type RedisSpec = Extract<ProbeSpec, { protocol: 'redis' }>

/**
 * `INCR key` for the service stream, so that every acknowledged write is known by its number; `ECHO k` on the one
 * connection, which must not disturb that sequence. Pipelined: Redis answers in order.
 */
export function redisExchange(spec: RedisSpec): Exchange {
  const increment = command('INCR', spec.sequenceKey)
  return {
    parse: parseRedisAnswer,
    pipelined: true,
    request: (stream, k) => (stream === 'service' ? increment : command('ECHO', String(k))),
    judge: judgeRedis,
  }
}

function command(...parts: readonly string[]): Buffer {
  const encoded = parts.map((part) => `$${Buffer.byteLength(part)}\r\n${part}\r\n`)
  return Buffer.from(`*${parts.length}\r\n${encoded.join('')}`)
}

export function judgeRedis(stream: StreamName, k: number, answer: Answer): Judgement {
  const text = answer.body.toString('utf8')
  // `-LOADING …` while a snapshot is read, `-MISCONF …` when it cannot save: it answers, but it does not serve.
  if (answer.code === '-') return { outcome: 'wrong', detail: text }
  if (stream === 'connection') {
    if (answer.code === '$' && text === String(k)) return { outcome: 'ok' }
    return { outcome: 'wrong', detail: `ECHO ${k} was answered ${text}` }
  }
  const sequence = Number(text)
  if (answer.code === ':' && Number.isSafeInteger(sequence)) return { outcome: 'ok', sequence }
  return { outcome: 'wrong', detail: `INCR was answered ${answer.code}${text}` }
}

/** Simple strings, errors, integers and bulk strings of the Redis serialization protocol, version 2. */
export const parseRedisAnswer: AnswerParser = (bytes) => {
  const lineEnd = bytes.indexOf('\r\n')
  const code = bytes.toString('latin1', 0, 1)
  if (!'+-:$'.includes(code)) throw new MalformedAnswer(`not a Redis reply: ${JSON.stringify(code)}`)
  if (lineEnd === -1) return undefined
  const afterLine = lineEnd + 2
  if (code !== '$') return { answer: { code, body: bytes.subarray(1, lineEnd) }, length: afterLine }
  const size = bytes.toString('latin1', 1, lineEnd)
  if (size === '-1') return { answer: { code, body: Buffer.alloc(0) }, length: afterLine }
  if (!/^\d{1,10}$/.test(size)) throw new MalformedAnswer(`a bulk string of size ${JSON.stringify(size)}`)
  const end = afterLine + Number(size)
  if (bytes.length < end + 2) return undefined
  return { answer: { code, body: bytes.subarray(afterLine, end) }, length: end + 2 }
}
