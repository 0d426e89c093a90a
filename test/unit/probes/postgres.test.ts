import { describe, expect, test } from 'vitest'
import { judgePostgres, postgresExchange } from '../../../src/probes/postgres.ts'

const exchange = postgresExchange({
  protocol: 'postgres',
  database: 'shop',
  user: 'clerk',
  sequenceTable: 'orders',
})
const answer = (code: string, body: string) => ({ code, body: Buffer.from(body) })

describe('postgresExchange', () => {
  test('begins a connection by saying who is there', () => {
    const text = 'user\0clerk\0database\0shop\0application_name\0migration-testbed\0\0'
    const head = Buffer.from([0, 0, 0, text.length + 8, 0, 3, 0, 0])
    expect(exchange.opening).toEqual(Buffer.concat([head, Buffer.from(text)]))
  })

  test('adds a row on the service stream and only asks on the connection', () => {
    const insert = 'INSERT INTO "orders" DEFAULT VALUES RETURNING id\0'
    expect(exchange.request('service', 4).toString('latin1')).toBe(
      `Q\0\0\0${String.fromCharCode(insert.length + 4)}${insert}`,
    )
    expect(exchange.request('connection', 42).toString('latin1')).toBe('Q\0\0\0\x0eSELECT 42\0')
  })
})

describe('judgePostgres', () => {
  test('a row is answered with its id', () => {
    expect(judgePostgres('service', 0, answer('D', '17'))).toEqual({ outcome: 'ok', sequence: 17 })
  })

  test('a number must be that of its own probe', () => {
    expect(judgePostgres('connection', 8, answer('D', '8')).outcome).toBe('ok')
    expect(judgePostgres('connection', 8, answer('D', '7'))).toEqual({
      outcome: 'wrong',
      detail: 'SELECT 8 was answered 7',
    })
  })

  test.each([
    ['E', 'FATAL 53300: sorry, too many clients already', 'FATAL 53300: sorry, too many clients already'],
    ['R', '\0\0\0\x0a', 'it asks for a password: only trust will do'],
    ['Z', '', 'INSERT was answered without a row'],
    ['D', '', 'INSERT was answered '],
    ['D', 'b6d2ef55', 'INSERT was answered b6d2ef55'],
    ['D', '9007199254740993', 'INSERT was answered 9007199254740993'],
  ])('%s %j is an answer, but not a good one', (code, body, detail) => {
    expect(judgePostgres('service', 0, answer(code, body))).toEqual({ outcome: 'wrong', detail })
  })
})
