import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createReader, MalformedAnswer } from '../../../src/probes/reader.ts'
import { judgeRedis, parseRedisAnswer, redisExchange } from '../../../src/probes/redis.ts'

const exchange = redisExchange({ protocol: 'redis', sequenceKey: 'probé' })
const answer = (code: string, body: string) => ({ code, body: Buffer.from(body) })

describe('redisExchange', () => {
  test('increments on the service stream and echoes on the connection', () => {
    expect(exchange.request('service', 4).toString()).toBe('*2\r\n$4\r\nINCR\r\n$6\r\nprobé\r\n')
    expect(exchange.request('connection', 42).toString()).toBe('*2\r\n$4\r\nECHO\r\n$2\r\n42\r\n')
  })
})

describe('parseRedisAnswer', () => {
  test('reads the same replies however the bytes are cut up', () => {
    const bytes = Buffer.from(':12\r\n$4\r\na\r\nb\r\n-LOADING wait\r\n$-1\r\n+PONG\r\n')
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 12 }), (cuts) => {
        const reader = createReader(parseRedisAnswer)
        const edges = [0, ...cuts.toSorted((a, b) => a - b), bytes.length]
        const answers = edges.flatMap((edge, index) =>
          index === 0 ? [] : reader.push(bytes.subarray(edges[index - 1], edge)),
        )
        const seen = answers.map(({ code, body }) => code + body.toString())
        expect(seen).toEqual([':12', '$a\r\nb', '-LOADING wait', '$', '+PONG'])
      }),
    )
  })

  test.each(['HTTP/1.1 400\r\n', '$x\r\n'])('refuses %j', (text) => {
    expect(() => parseRedisAnswer(Buffer.from(text), false)).toThrow(MalformedAnswer)
  })
})

describe('judgeRedis', () => {
  test('an increment is answered with its number', () => {
    expect(judgeRedis('service', 0, answer(':', '17'))).toEqual({ outcome: 'ok', sequence: 17 })
  })

  test('an echo must be that of its own probe', () => {
    expect(judgeRedis('connection', 8, answer('$', '8')).outcome).toBe('ok')
    expect(judgeRedis('connection', 8, answer('$', '7'))).toEqual({
      outcome: 'wrong',
      detail: 'ECHO 8 was answered 7',
    })
  })

  test('an error is an answer, but not a good one', () => {
    const detail = 'LOADING Redis is loading the dataset in memory'
    expect(judgeRedis('service', 0, answer('-', detail))).toEqual({ outcome: 'wrong', detail })
    expect(judgeRedis('service', 0, answer('+', 'OK')).outcome).toBe('wrong')
  })
})
