import { expect, test } from 'vitest'
import { systemClock } from '../../../src/core/time.ts'
import { together } from '../../../src/providers/together.ts'

const never = new AbortController().signal

test('answers in order', async () => {
  const answers = await together([30, 1], never, async (ms) => {
    await systemClock.sleep(ms)
    return ms
  })
  expect(answers).toEqual([30, 1])
})

test('the first error breaks off the others, and is the one that is told', async () => {
  const ended: string[] = []
  const all = together(['bad', 'slow'], never, async (name, signal) => {
    if (name === 'bad') throw new Error('no room')
    await systemClock.sleep(60_000, signal).finally(() => ended.push(name))
  })
  await expect(all).rejects.toThrow('no room')
  expect(ended).toEqual(['slow'])
})

test('an interruption is told as itself', async () => {
  const controller = new AbortController()
  setTimeout(() => controller.abort(new Error('stop')), 10)
  await expect(
    together([1, 2], controller.signal, (_, signal) => systemClock.sleep(60_000, signal)),
  ).rejects.toThrow('stop')
})
