import { describe, expect, test } from 'vitest'
import { TestbedError } from '../../../src/core/errors.ts'
import { goOnAtSource } from '../../../src/toolchains/go-on.ts'

const source = { name: 'host-a' }
const broken = new TestbedError('trial', 'no restore', {
  where: 'host-b',
  why: ['its last line'],
  log: '/log',
})

describe('a migration that failed when the source had ended', () => {
  test('says that the workload goes on there', async () => {
    const { signal } = new AbortController()
    const back = goOnAtSource({ source, signal }, broken, async () => undefined)
    await expect(back).rejects.toMatchObject({
      message: 'no restore',
      parts: {
        where: 'host-b',
        log: '/log',
        why: ['its last line', 'the workload goes on at host-a, from its checkpoint'],
      },
    })
  })

  test('says why it does not', async () => {
    const { signal } = new AbortController()
    const back = goOnAtSource({ source, signal }, broken, () => Promise.reject(new Error('no checkpoint')))
    await expect(back).rejects.toMatchObject({
      parts: { why: ['its last line', 'the workload could not be taken back at host-a: no checkpoint'] },
    })
  })

  test('starts nothing once the trial was told to stop', async () => {
    let started = false
    const signal = AbortSignal.abort(new Error('deadline'))
    const back = goOnAtSource({ source, signal }, broken, async () => {
      started = true
    })
    await expect(back).rejects.toThrow('deadline')
    expect(started).toBe(false)
  })
})
