import type { AnswerParser } from './exchange.ts'
import { MalformedAnswer } from './reader.ts'

const headEnd = Buffer.from('\r\n\r\n')
const lineEnd = Buffer.from('\r\n')
const maximumHeadBytes = 64 * 1024

/** Reads an HTTP/1.x response to a GET: RFC 9112 sections 4 (status line), 6.3 (length of the body), 7.1 (chunks). */
export const parseHttpAnswer: AnswerParser = (bytes, ended) => {
  let start = 0
  for (;;) {
    const end = bytes.indexOf(headEnd, start)
    if (end === -1) {
      if (bytes.length - start > maximumHeadBytes) throw new MalformedAnswer('the headers never end')
      return undefined
    }
    const head = bytes.toString('latin1', start, end)
    const code = /^HTTP\/1\.[01] ([1-9]\d\d)/.exec(head)?.[1]
    if (code === undefined) throw new MalformedAnswer(`not HTTP/1.x: ${JSON.stringify(head.slice(0, 40))}`)
    start = end + headEnd.length
    // Interim answers (100, 103) come before the one that counts.
    if (code.startsWith('1')) continue
    const body = readBody(bytes, start, code, head, ended)
    return body === undefined ? undefined : { answer: { code, body: body.content }, length: body.end }
  }
}

interface Body {
  readonly content: Buffer
  /** Offset of the first byte after it. */
  readonly end: number
}

function readBody(
  bytes: Buffer,
  start: number,
  code: string,
  head: string,
  ended: boolean,
): Body | undefined {
  if (code === '204' || code === '304') return { content: Buffer.alloc(0), end: start }
  const coding = header(head, 'transfer-encoding')
  if (coding !== undefined) {
    if (coding.toLowerCase() !== 'chunked') throw new MalformedAnswer(`transfer-encoding ${coding}`)
    return readChunks(bytes, start)
  }
  const length = header(head, 'content-length')
  if (length !== undefined) {
    if (!/^\d{1,15}$/.test(length)) throw new MalformedAnswer(`content-length ${length}`)
    const end = start + Number(length)
    return bytes.length < end ? undefined : { content: bytes.subarray(start, end), end }
  }
  return ended ? { content: bytes.subarray(start), end: bytes.length } : undefined
}

function header(head: string, name: string): string | undefined {
  return new RegExp(`\\r\\n${name}:[ \\t]*([^\\r\\n]*?)[ \\t]*(?:\\r\\n|$)`, 'i').exec(head)?.[1]
}

function readChunks(bytes: Buffer, start: number): Body | undefined {
  const chunks: Buffer[] = []
  let at = start
  for (;;) {
    const end = bytes.indexOf(lineEnd, at)
    if (end === -1) return undefined
    const size = /^([0-9a-f]{1,8})[ \t]*(?:;.*)?$/i.exec(bytes.toString('latin1', at, end))?.[1]
    if (size === undefined) throw new MalformedAnswer('a chunk without a size')
    at = end + lineEnd.length
    const length = Number.parseInt(size, 16)
    if (length === 0) return readTrailer(bytes, at, chunks)
    if (bytes.length < at + length + lineEnd.length) return undefined
    chunks.push(bytes.subarray(at, at + length))
    at += length + lineEnd.length
  }
}

function readTrailer(bytes: Buffer, start: number, chunks: Buffer[]): Body | undefined {
  let at = start
  for (;;) {
    const end = bytes.indexOf(lineEnd, at)
    if (end === -1) return undefined
    if (end === at) return { content: Buffer.concat(chunks), end: end + lineEnd.length }
    at = end + lineEnd.length
  }
}
