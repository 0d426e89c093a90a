import { describe, expect, it } from 'vitest'
import { TestbedError } from '../../../src/core/errors.ts'
import { atCall, createWorld, hang } from './fakes.ts'
import { run, runIn, wholeTrial } from './trial-runs.ts'

/** What is done, when it is done (for the n-th time), and the step that is blamed if it throws. */
const failures: [string, number, string, string][] = [
  ['deploy docker-checkpoint', 1, 'deploy', 'failed'],
  ['wait until answering', 1, 'ready', 'failed'],
  ['fill redis 8388608', 1, 'fill', 'failed'],
  ['start probes 100/s', 1, 'probe', 'invalid'],
  ['take evidence', 1, 'evidence', 'failed'],
  ['checkpoint', 1, 'checkpoint', 'failed'],
  ['restore', 1, 'restore', 'failed'],
  ['wait until answering', 2, 'answer', 'failed'],
  ['stop probes', 1, 'record', 'invalid'],
  ['judge state', 1, 'verify', 'failed'],
]

describe('a trial in which a step fails', () => {
  it.each(failures)('at `%s` (%d) is put down to %s as %s', async (call, n, step, verdict) => {
    const error = new TestbedError('testbed', 'it broke', {
      where: 'host-b',
      why: ['the last line'],
      hint: 'mend it',
      log: '/log',
    })
    const { world, record } = run({
      on: atCall(call, n, () => {
        throw error
      }),
    })
    const migrating = step === 'checkpoint' || step === 'restore'
    const why = ['the last line', ...(migrating ? ['the workload still answers'] : [])]
    expect(await record).toMatchObject({
      verdict,
      cause: { step, message: 'host-b: it broke', why, hint: 'mend it', log: '/log' },
      metrics: {},
      state: { memory: 'unknown', files: 'unknown', connections: 'unknown' },
    })
    const reached = wholeTrial.slice(0, indexOfNth(wholeTrial, call, n) + 1)
    expect(world.calls.slice(0, reached.length)).toEqual(reached)
    expect(world.calls.at(-1)).toBe('remove docker-checkpoint of 007')
    // What the clients saw of it is kept.
    const probed = reached.includes('start probes 100/s') && call !== 'start probes 100/s'
    expect(world.calls.includes('stop probes')).toBe(probed)
  })

  it('keeps the phases that it reached', async () => {
    const { record } = run({
      on: atCall('restore', 1, () => {
        throw new Error('no such image')
      }),
    })
    expect(await record).toMatchObject({
      cause: { step: 'restore', message: 'no such image' },
      phases: [{ name: 'checkpoint' }, { name: 'restore' }],
      generator: { due: 100 },
    })
  })
})

describe('a trial that does not end in time', () => {
  it.each(failures)('at `%s` (%d) is timed out there, and removed', async (call, n, step) => {
    const { world, record } = run({
      on: atCall(call, n, async (_call, signal, { calls, clock }) => {
        const letDeadlinesPass = () => {
          clock.expire()
          if (!calls.includes('remove docker-checkpoint of 007')) setImmediate(letDeadlinesPass)
        }
        setImmediate(letDeadlinesPass)
        await hang(signal)
      }),
    })
    expect(await record).toMatchObject({
      verdict: 'timed-out',
      cause: { step, message: 'not done within 2m' },
    })
    expect(world.calls.at(-1)).toBe('remove docker-checkpoint of 007')
  })

  it('leaves behind what does not listen', async () => {
    const { world, record } = run({
      on: atCall('restore', 1, async (_call, signal, { clock }) => {
        signal?.addEventListener('abort', () => setImmediate(() => clock.expire()))
        setImmediate(() => clock.expire())
        await new Promise(() => undefined)
      }),
    })
    expect(await record).toMatchObject({ verdict: 'timed-out', cause: { step: 'migrate' } })
    expect(world.calls.at(-1)).toBe('remove docker-checkpoint of 007')
  })

  it('takes a failure that comes in time for what it is, however long the end takes', async () => {
    const { record } = run({
      on: (call, _signal, { clock }) => {
        if (call === 'restore') throw new Error('no such image')
        if (call === 'stop probes') clock.expire()
      },
    })
    expect(await record).toMatchObject({ verdict: 'failed', cause: { step: 'restore' } })
  })
})

it('after a migration that failed, it is said that nothing answers any more', async () => {
  let failed = false
  const world = createWorld({
    on: (call) => {
      if (call === 'checkpoint') failed = true
      if (call === 'checkpoint' || (failed && call === 'wait until answering')) throw new Error('it broke')
    },
  })
  const { cause, verdict } = await runIn(world)
  expect(verdict).toBe('failed')
  expect(cause).toMatchObject({ message: 'it broke', why: ['the workload answers no more'] })
})

describe('a trial that is interrupted', () => {
  it.each(failures)('at `%s` (%d) has no record, and is removed', async (call, n) => {
    const controller = new AbortController()
    const world = createWorld({
      on: atCall(call, n, async (_call, signal) => {
        controller.abort(new Error('Ctrl-C'))
        await Promise.race([hang(signal), hang(controller.signal)])
      }),
    })
    await expect(runIn(world, { signal: controller.signal })).rejects.toThrow('Ctrl-C')
    expect(world.calls.at(-1)).toBe('remove docker-checkpoint of 007')
  })

  it('in a window stops at once', async () => {
    const controller = new AbortController()
    const world = createWorld({
      on: atCall('start probes 100/s', 1, () => controller.abort(new Error('Ctrl-C'))),
    })
    await expect(runIn(world, { signal: controller.signal })).rejects.toThrow('Ctrl-C')
    expect(world.calls).not.toContain('take evidence')
    expect(world.calls.at(-1)).toBe('remove docker-checkpoint of 007')
  })

  it('while hosts are cleaned has made nothing', async () => {
    const controller = new AbortController()
    const world = createWorld({
      residues: [['host-a: a mount'], ['host-a: a mount']],
      on: atCall('reset host-a', 1, async (_call, signal) => {
        controller.abort(new Error('Ctrl-C'))
        await hang(signal)
      }),
    })
    await expect(runIn(world, { signal: controller.signal })).rejects.toThrow('Ctrl-C')
    expect(world.calls).not.toContain('deploy docker-checkpoint')
  })
})

function indexOfNth(calls: readonly string[], call: string, n: number): number {
  let seen = 0
  return calls.findIndex((each) => each === call && ++seen === n)
}
