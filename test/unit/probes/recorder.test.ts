import { expect, test } from 'vitest'
import { createRecorder } from '../../../src/probes/recorder.ts'

test('stamps the sending and the first end of every probe', () => {
  let now = 100n
  const recorder = createRecorder(() => now)
  const first = recorder.begin('service', 0, 90n)
  now = 110n
  const second = recorder.begin('connection', 0, 105n)
  recorder.begin('service', 1, 108n)
  now = 120n
  second({ outcome: 'reset', detail: 'ECONNRESET' })
  now = 130n
  first({ outcome: 'ok', sequence: 3 })
  first({ outcome: 'timeout' })
  const samples = recorder.finish()
  expect(samples).toEqual([
    { stream: 'service', k: 0, due: 90n, sent: 100n, done: 130n, outcome: 'ok', sequence: 3 },
    {
      stream: 'connection',
      k: 0,
      due: 105n,
      sent: 110n,
      done: 120n,
      outcome: 'reset',
      detail: 'ECONNRESET',
    },
    { stream: 'service', k: 1, due: 108n, sent: 110n, outcome: 'unanswered' },
  ])
})

test('an end after the finish no longer counts', () => {
  const recorder = createRecorder(() => 1n)
  const settle = recorder.begin('service', 0, 0n)
  recorder.finish()
  settle({ outcome: 'ok' })
  expect(recorder.finish()[0]?.outcome).toBe('unanswered')
})
