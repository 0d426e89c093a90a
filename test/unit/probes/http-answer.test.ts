import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseHttpAnswer } from '../../../src/probes/http-answer.ts'
import { createReader, MalformedAnswer, maximumAnswerBytes } from '../../../src/probes/reader.ts'

const read = (text: string, ended = false) => {
  const parsed = parseHttpAnswer(Buffer.from(text, 'latin1'), ended)
  return parsed && { code: parsed.answer.code, body: parsed.answer.body.toString(), length: parsed.length }
}

const sized = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length:  5 \r\n\r\nhello'
const chunked =
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;name=value\r\nhel\r\n2\r\nlo\r\n0\r\nX-Trailer: 1\r\n\r\n'

describe('parseHttpAnswer', () => {
  test('reads a body by its length and leaves what follows', () => {
    expect(read(`${sized}HTTP/1.1 `)).toEqual({ code: '200', body: 'hello', length: sized.length })
  })

  test('reads chunks with extensions and trailers', () => {
    expect(read(chunked)).toEqual({ code: '200', body: 'hello', length: chunked.length })
  })

  test('reads a body that ends with the connection, and only then', () => {
    const text = 'HTTP/1.0 200 OK\r\nServer: x\r\n\r\nhello'
    expect(read(text)).toBeUndefined()
    expect(read(text, true)).toMatchObject({ code: '200', body: 'hello' })
  })

  test('a body cut off by the end of the connection is no answer', () => {
    expect(read(sized.slice(0, -1), true)).toBeUndefined()
    expect(read(chunked.slice(0, -4), true)).toBeUndefined()
  })

  test('passes over interim answers', () => {
    expect(read(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${sized}`)).toMatchObject({ code: '200' })
  })

  test.each(['204 No Content', '304 Not Modified'])('%s has no body, whatever it says', (status) => {
    expect(read(`HTTP/1.1 ${status}\r\nContent-Length: 5\r\n\r\n`)).toMatchObject({ body: '' })
  })

  test('a header is found by its whole name', () => {
    const text = 'HTTP/1.1 200 OK\r\nX-Content-Length: 9\r\nCONTENT-LENGTH: 2\r\n\r\nok'
    expect(read(text)).toMatchObject({ body: 'ok' })
  })

  test.each([
    ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n\r\n'],
    ['a status that is none', 'HTTP/1.1 999x\r\n\r\n'.replace('999', '09')],
    ['a length that is none', 'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n'],
    ['an unknown coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n'],
    ['a chunk without a size', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'],
    ['headers without an end', `HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(20_000)}`],
  ])('refuses %s', (_what, text) => {
    expect(() => read(text)).toThrow(MalformedAnswer)
  })
})

describe('createReader', () => {
  test('reads the same answers however the bytes are cut up', () => {
    const bytes = Buffer.from(sized + chunked + sized, 'latin1')
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 20 }), (cuts) => {
        const reader = createReader(parseHttpAnswer)
        const edges = [0, ...cuts.toSorted((a, b) => a - b), bytes.length]
        const answers = edges.flatMap((edge, index) =>
          index === 0 ? [] : reader.push(bytes.subarray(edges[index - 1], edge)),
        )
        expect(answers.map(({ code, body }) => `${code} ${body}`)).toEqual(Array(3).fill('200 hello'))
        expect(reader.end()).toBeUndefined()
      }),
    )
  })

  test('does not hold an endless answer', () => {
    const reader = createReader(parseHttpAnswer)
    reader.push(Buffer.from('HTTP/1.1 200 OK\r\n\r\n'))
    expect(() => reader.push(Buffer.alloc(maximumAnswerBytes))).toThrow(MalformedAnswer)
  })
})
