import { expect, test } from 'vitest'
import { isLocalFault, judgeError } from '../../../src/probes/outcome.ts'
import { MalformedAnswer } from '../../../src/probes/reader.ts'

const withCode = (code: string): Error => Object.assign(new Error(`connect ${code}`), { code })

test.each([
  ['ECONNREFUSED', 'refused'],
  ['ECONNRESET', 'reset'],
  ['EPIPE', 'reset'],
  ['EHOSTUNREACH', 'unreachable'],
  ['ENETUNREACH', 'unreachable'],
  ['EHOSTDOWN', 'unreachable'],
  ['ETIMEDOUT', 'timeout'],
  ['EMFILE', 'error'],
  ['EPROTO', 'error'],
])('%s is %s', (code, outcome) => {
  expect(judgeError(withCode(code))).toEqual({ outcome, detail: code })
})

test('bytes that are no answer are a wrong answer', () => {
  expect(judgeError(new MalformedAnswer('not HTTP/1.x'))).toEqual({
    outcome: 'wrong',
    detail: 'not HTTP/1.x',
  })
})

test('anything else keeps its message', () => {
  expect(judgeError(new RangeError('odd'))).toEqual({ outcome: 'error', detail: 'RangeError: odd' })
})

test('only what our own side lacked is a local fault', () => {
  expect(isLocalFault(judgeError(withCode('EADDRNOTAVAIL')))).toBe(true)
  expect(isLocalFault(judgeError(withCode('ECONNREFUSED')))).toBe(false)
  expect(isLocalFault({ outcome: 'wrong', detail: 'EMFILE' })).toBe(false)
})
