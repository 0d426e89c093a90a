import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { startDeadline, untilAborted, withDeadline } from '../../../src/experiments/deadline.ts'
import { createFakeClock } from './fake-clock.ts'
import { hang } from './fakes.ts'

const limits = { what: 'a step', ms: 60_000 }

describe('withDeadline', () => {
  it('answers what was asked for', async () => {
    expect(await withDeadline(createFakeClock(), limits, async () => 7)).toBe(7)
  })

  it('passes a failure on', async () => {
    const run = withDeadline(createFakeClock(), limits, () => Promise.reject(new Error('broken')))
    await expect(run).rejects.toThrow('broken')
  })

  it('says what was not done in time, whatever words the step finds for it', async () => {
    const clock = createFakeClock()
    const run = withDeadline(clock, limits, (signal) =>
      hang(signal).catch(() => Promise.reject(new Error('killed'))),
    )
    clock.expire()
    await expect(run).rejects.toMatchObject({ kind: 'testbed', message: 'a step: not done within 60 s' })
  })

  it('ends with the outer signal', async () => {
    const outer = new AbortController()
    const run = withDeadline(createFakeClock(), { ...limits, signal: outer.signal }, hang)
    outer.abort(new Error('Ctrl-C'))
    await expect(run).rejects.toThrow('Ctrl-C')
  })
})

describe('startDeadline', () => {
  it('is not expired by the outer signal', () => {
    const outer = new AbortController()
    const deadline = startDeadline(createFakeClock(), { ...limits, signal: outer.signal })
    outer.abort()
    expect(deadline.signal.aborted).toBe(true)
    deadline.clear()
  })

  it('never comes once it is cleared', async () => {
    const clock = createFakeClock()
    const deadline = startDeadline(clock, limits)
    deadline.clear()
    clock.expire()
    await turn()
    expect(deadline.signal.aborted).toBe(false)
  })
})

describe('untilAborted', () => {
  it('does not begin what is already called off', async () => {
    let begun = false
    const run = untilAborted(createFakeClock(), AbortSignal.abort(new Error('off')), async () => {
      begun = true
    })
    await expect(run).rejects.toThrow('off')
    expect(begun).toBe(false)
  })

  it('lets a step that was told to stop finish what it does', async () => {
    const controller = new AbortController()
    const run = untilAborted(createFakeClock(), controller.signal, async () => {
      controller.abort()
      await turn()
      return 'cleaned up'
    })
    expect(await run).toBe('cleaned up')
  })

  it('leaves a step behind that does not stop', async () => {
    const clock = createFakeClock()
    const controller = new AbortController()
    const run = untilAborted(clock, controller.signal, () => new Promise<never>(() => undefined))
    controller.abort(new Error('off'))
    await turn()
    clock.expire()
    await expect(run).rejects.toThrow('off')
  })
})
