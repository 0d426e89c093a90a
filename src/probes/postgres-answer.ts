import type { Answer, AnswerParser } from './exchange.ts'
import { MalformedAnswer, maximumAnswerBytes } from './reader.ts'

/** All that a server may send to a client that only asks simple queries. */
const knownTypes = new Set('RKSZTDCEINAv')
const headBytes = 5
const nothing: Answer = { code: 'Z', body: Buffer.alloc(0) }

/**
 * All that a server says until it is ready for the next query; where a connection begins, what it says of the start-up is part
 * of the first answer. The code is `D` and the body the first column of the first row, `E` and the error, `R` and the
 * authentication that it wants, or `Z` when there was no row. What it tells beside that (notices, parameters) is passed over.
 * A row counts only once the server is ready again: until then its transaction may still fail.
 * <https://www.postgresql.org/docs/17/protocol-message-formats.html>
 */
export const parsePostgresAnswer: AnswerParser = (bytes) => {
  let answer = nothing
  let starting = false
  for (let at = 0; ; ) {
    const message = messageAt(bytes, at)
    if (message === undefined) return undefined
    const { type, body } = message
    at = message.end
    if (type === 'R') {
      if (numberAt(body, 0) !== 0) return { answer: { code: type, body }, length: at }
      starting = true
    } else if (type === 'Z') {
      if (!starting) return { answer, length: at }
      starting = false
    } else if (type === 'E') {
      const { text, fatal } = errorOf(body)
      answer = { code: type, body: Buffer.from(text), ...(fatal ? { last: true } : {}) }
      // The server closes the connection: it will not be ready again.
      if (fatal) return { answer, length: at }
    } else if (type === 'D' && answer === nothing) {
      answer = { code: type, body: firstColumn(body) }
    }
  }
}

interface Message {
  readonly type: string
  readonly body: Buffer
  /** Offset of the first byte after it. */
  readonly end: number
}

function messageAt(bytes: Buffer, at: number): Message | undefined {
  if (bytes.length <= at) return undefined
  const type = bytes.toString('latin1', at, at + 1)
  if (!knownTypes.has(type)) throw new MalformedAnswer(`not a PostgreSQL message: ${JSON.stringify(type)}`)
  if (bytes.length < at + headBytes) return undefined
  // It counts itself, and not the type.
  const length = bytes.readUInt32BE(at + 1)
  if (length < 4 || length > maximumAnswerBytes) {
    throw new MalformedAnswer(`a PostgreSQL message of length ${length}`)
  }
  const end = at + 1 + length
  return bytes.length < end ? undefined : { type, body: bytes.subarray(at + headBytes, end), end }
}

function numberAt(body: Buffer, at: number): number {
  if (body.length < at + 4) throw new MalformedAnswer('a PostgreSQL message that is cut off')
  return body.readInt32BE(at)
}

/** A null is empty. */
function firstColumn(body: Buffer): Buffer {
  const columnCountBytes = 2
  const length = numberAt(body, columnCountBytes)
  const start = columnCountBytes + 4
  if (body.length < start + length) throw new MalformedAnswer('a row that is cut off')
  return body.subarray(start, start + Math.max(0, length))
}

/** `FATAL 57P03: the database system is starting up`. `V` is the severity in English, whatever language the server speaks. */
function errorOf(body: Buffer): { readonly text: string; readonly fatal: boolean } {
  const fields = new Map(
    body
      .toString('utf8')
      .split('\0')
      .map((field) => [field.slice(0, 1), field.slice(1)]),
  )
  const severity = fields.get('V') ?? fields.get('S') ?? 'ERROR'
  return {
    text: `${severity} ${fields.get('C') ?? ''}: ${fields.get('M') ?? 'without a message'}`,
    fatal: severity === 'FATAL' || severity === 'PANIC',
  }
}
