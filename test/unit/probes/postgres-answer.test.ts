import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parsePostgresAnswer } from '../../../src/probes/postgres-answer.ts'
import { createReader, MalformedAnswer, maximumAnswerBytes } from '../../../src/probes/reader.ts'
import { bytes32, error, message, ready, row, started } from './postgres-messages.ts'

const notice = error('N', { S: 'WARNUNG', V: 'WARNING', C: '01000', M: 'be careful' })
const parameter = message('S', Buffer.from('TimeZone\0UTC\0'))
const failed = error('E', { S: 'FEHLER', V: 'ERROR', C: '42P01', M: 'relation "probe" does not exist' })
const stopping = error('E', { S: 'FATAL', V: 'FATAL', C: '57P03', M: 'the database system is starting up' })
const done = message('C', Buffer.from('INSERT 0 1\0'))

const read = (...parts: readonly Buffer[]) => {
  const bytes = Buffer.concat(parts)
  const parsed = parsePostgresAnswer(bytes, false)
  return (
    parsed && { ...parsed.answer, body: parsed.answer.body.toString(), left: bytes.length - parsed.length }
  )
}

describe('parsePostgresAnswer', () => {
  test('reads a row once the server is ready again, and leaves what follows', () => {
    expect(read(row('17'), done)).toBeUndefined()
    expect(read(row('17'), done, ready, row('18'))).toEqual({ code: 'D', body: '17', left: row('18').length })
  })

  test('what is said of the start-up belongs to the first answer', () => {
    expect(read(started)).toBeUndefined()
    expect(read(started, row('1'), done, ready)).toEqual({ code: 'D', body: '1', left: 0 })
  })

  test('passes over notices and parameters wherever they come', () => {
    const parts = [notice, row('5'), parameter, done, notice, ready]
    expect(read(parameter, started, ...parts)).toEqual({ code: 'D', body: '5', left: 0 })
  })

  test('an error is the answer, also behind a row: the transaction is undone', () => {
    const expected = { code: 'E', body: 'ERROR 42P01: relation "probe" does not exist', left: 0 }
    expect(read(started, failed, ready)).toEqual(expected)
    expect(read(row('5'), failed, ready)).toEqual(expected)
    expect(read(failed)).toBeUndefined()
  })

  test('after a fatal error nothing more comes', () => {
    const expected = {
      code: 'E',
      body: 'FATAL 57P03: the database system is starting up',
      last: true,
      left: 0,
    }
    expect(read(stopping)).toEqual(expected)
    expect(read(started, stopping)).toEqual(expected)
  })

  test('an old server tells the severity in its own language only', () => {
    expect(read(error('E', { S: 'FATAL', C: '53300', M: 'too many' }))).toMatchObject({ last: true })
  })

  test('a demand for a password is an answer', () => {
    expect(read(message('R', bytes32(10), Buffer.from('SCRAM-SHA-256\0\0')))).toMatchObject({ code: 'R' })
  })

  test('a query that gives no row, or null', () => {
    expect(read(message('C', Buffer.from('INSERT 0 0\0')), ready)).toMatchObject({ code: 'Z', body: '' })
    expect(read(message('D', Buffer.from([0, 1]), bytes32(-1)), ready)).toMatchObject({ code: 'D', body: '' })
  })

  test.each([
    ['another protocol', Buffer.from('HTTP/1.1 400\r\n')],
    ['what a server says that cannot even fork', Buffer.from('Ecould not fork new process')],
    ['a length that is none', Buffer.concat([Buffer.from('Z'), bytes32(3)])],
    ['an endless message', Buffer.concat([Buffer.from('N'), bytes32(maximumAnswerBytes + 1)])],
    ['a row that is cut off', message('D', Buffer.from([0, 1]), bytes32(9), Buffer.from('12'))],
    ['a row without columns', message('D', Buffer.from([0, 0]))],
  ])('refuses %s', (_what, bytes) => {
    expect(() => parsePostgresAnswer(bytes, false)).toThrow(MalformedAnswer)
  })
})

describe('the answers of a connection', () => {
  const parts = [
    started,
    row('1'),
    done,
    ready,
    notice,
    failed,
    ready,
    parameter,
    row('3'),
    done,
    ready,
    stopping,
  ]
  const bytes = Buffer.concat(parts)
  const expected = ['D 1', 'E ERROR 42P01', 'D 3', 'E FATAL 57P03']
  const readCut = (cuts: readonly number[]): string[] => {
    const reader = createReader(parsePostgresAnswer)
    const edges = [0, ...cuts.toSorted((a, b) => a - b), bytes.length]
    const answers = edges.flatMap((edge, index) =>
      index === 0 ? [] : reader.push(bytes.subarray(edges[index - 1], edge)),
    )
    return answers.map(({ code, body }) => `${code} ${body.toString().split(':')[0]}`)
  }

  test('are the same when each byte comes alone', () => {
    expect(readCut([...bytes.keys()])).toEqual(expected)
  })

  test('are the same cut in two at any byte', () => {
    for (const cut of bytes.keys()) expect(readCut([cut])).toEqual(expected)
  })

  test('are the same however they are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 20 }), (cuts) => {
        expect(readCut(cuts)).toEqual(expected)
      }),
    )
  })
})

test('no bytes make the parser fail otherwise than by refusing them', () => {
  const types = fc.constantFrom(...'RKSZTDCEINAvX').map((type) => Buffer.from(type))
  const content = fc.uint8Array({ maxLength: 30 })
  const part = fc.tuple(types, fc.integer({ min: 0, max: 40 }), content)
  fc.assert(
    fc.property(fc.array(part, { maxLength: 6 }), (messages) => {
      const bytes = Buffer.concat(messages.flatMap(([type, length, body]) => [type, bytes32(length), body]))
      try {
        const parsed = parsePostgresAnswer(bytes, false)
        if (parsed !== undefined) expect(parsed.length).toBeLessThanOrEqual(bytes.length)
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(MalformedAnswer)
      }
    }),
    { numRuns: 1000 },
  )
})
