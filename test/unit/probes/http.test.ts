import { describe, expect, test } from 'vitest'
import type { ProbeSpec } from '../../../src/config/resolved.ts'
import { httpExchange, judgeHttp } from '../../../src/probes/http.ts'
import { valueAt } from '../../../src/probes/json-pointer.ts'

const spec = {
  protocol: 'http',
  path: '/count',
  expectStatus: 200,
  identity: '/identity',
  sequence: '/state/count',
} as const satisfies ProbeSpec
const target = { host: '10.0.0.9', port: 8080 }
const answer = (code: string, body: string) => ({ code, body: Buffer.from(body) })

describe('httpExchange', () => {
  test('asks for the path and keeps the connection', () => {
    const text = httpExchange(spec, target).request('service', 0).toString()
    expect(text).toMatch(/^GET \/count HTTP\/1\.1\r\nHost: 10\.0\.0\.9:8080\r\n/)
    expect(text).toMatch(/\r\n\r\n$/)
    expect(text.toLowerCase()).not.toContain('connection:')
  })

  test.each(['count', '/a b', '/a\r\nX-Header: 1', '/ü', ''])('refuses the path %j', (path) => {
    expect(() => httpExchange({ ...spec, path }, target)).toThrow('cannot ask for the path')
  })
})

describe('judgeHttp', () => {
  test('finds identity and sequence', () => {
    const body = '{"identity":"a-1","state":{"count":7}}'
    expect(judgeHttp(spec, answer('200', body))).toEqual({ outcome: 'ok', identity: 'a-1', sequence: 7 })
  })

  test.each([
    ['503', '', 'status 503'],
    ['200', 'hello', 'body is not JSON'],
    ['200', '{"state":{"count":7}}', 'no string or number at /identity'],
    ['200', '{"identity":"a","state":{"count":"7"}}', 'no number at /state/count'],
  ])('%s %s is wrong', (code, body, detail) => {
    const judgement = judgeHttp(spec, answer(code, body))
    expect(judgement.outcome).toBe('wrong')
    expect(judgement.detail).toContain(detail)
  })

  test('a body that nothing is wanted from may be anything', () => {
    const plain = { protocol: 'http', path: '/', expectStatus: 404 } as const
    expect(judgeHttp(plain, answer('404', '<html>'))).toEqual({ outcome: 'ok' })
  })
})

describe('valueAt', () => {
  const document = { a: [{ 'b/c': 1 }], 'm~n': null, '': 2 }
  test.each([
    ['', document],
    ['/a/0/b~1c', 1],
    ['/m~0n', null],
    ['/', 2],
    ['/a/1', undefined],
    ['/a/length/x', undefined],
    ['/constructor', undefined],
    ['a', undefined],
  ])('%j', (pointer, value) => {
    expect(valueAt(document, pointer)).toEqual(value)
  })
})
