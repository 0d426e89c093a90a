import { readdir } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { TestbedError } from '../../../src/core/errors.ts'
import { dryRun, runExperiment } from '../../../src/experiments/runner.ts'
import { atCall, createWorld } from './fakes.ts'
import { deploys, expectComplete, plan, total, useSessions } from './sessions.ts'

const { results, runPath, session } = useSessions()

describe('a run', () => {
  it('prepares, checks, runs the trials in the order of the plan, and reports', async () => {
    const { calls, outcome } = session()
    const { records, exitCode, folder } = await outcome
    expect(exitCode).toBe(0)
    expect(records.map(({ id }) => id)).toEqual(plan.order.map(({ id }) => id))
    await expectComplete(folder.path)
    expect(calls.slice(0, 8)).toEqual([
      'prepare counter',
      'prepare redis',
      'load counter on host-a',
      'load redis on host-a',
      'load counter on host-b',
      'load redis on host-b',
      'baseline of hosts',
      'environment',
    ])
    expect(deploys(calls)).toEqual(plan.order.map(({ toolchain }) => `deploy ${toolchain}`))
    // After the first block, and at the end.
    const reports = calls.flatMap((call, i) => (call === 'reports' ? [i] : []))
    expect(reports.map((at) => deploys(calls.slice(0, at)).length)).toEqual([total / 2, total])
    expect(calls.at(-1)).toBe('reports')
  })

  it('measures a trial again when its generator was late, and says so', async () => {
    let late = 1
    const { calls, outcome } = session({
      observation: () => (late-- > 0 ? { fault: 'probes were late' } : {}),
    })
    const { records, folder } = await outcome
    await expectComplete(folder.path)
    expect(deploys(calls)).toHaveLength(total + 1)
    expect(records.map(({ attempt }) => attempt)).toEqual([2, ...Array(total - 1).fill(1)])
    expect(records[0]).toMatchObject({
      verdict: 'ok',
      warnings: ['attempt 1 was invalid and is measured again: probes were late'],
    })
  })

  it('leaves a trial invalid whose generator is late every time', async () => {
    const { calls, outcome } = session({ observation: { fault: 'probes were late' } })
    const { records, exitCode, folder } = await outcome
    await expectComplete(folder.path)
    expect(exitCode).toBe(5)
    expect(deploys(calls)).toHaveLength(3 * total)
    expect(records.map(({ verdict, attempt }) => [verdict, attempt])).toEqual(
      Array(total).fill(['invalid', 3]),
    )
  })

  it('resets hosts that something may be left on before it looks at them', async () => {
    const { calls, outcome } = session({ fresh: false })
    await outcome
    expect(calls.slice(2, 4)).toEqual(['reset host-a host-b', 'load counter on host-a'])
    expect(calls.filter((call) => call.startsWith('reset'))).toHaveLength(1)
  })

  it('tells how far it is', async () => {
    const { events, outcome } = session()
    await outcome
    const positions = events.flatMap((event) => (event.kind === 'trial-done' ? [event.position] : []))
    expect(positions.map(({ number }) => number)).toEqual(plan.order.map((_, i) => i + 1))
    expect(positions.map(({ counts }) => counts)).toEqual(plan.order.map((_, i) => ({ ok: i + 1 })))
    expect(positions.at(-1)).toMatchObject({ total, block: 2, blocks: 2, attempt: 1, etaMs: 0 })
    const [first, second] = positions.map(({ etaMs }) => etaMs)
    expect(first).toBeGreaterThan(second ?? 0)
    const steps = events.flatMap((event) => (event.kind === 'trial-step' ? [event.step] : []))
    expect(steps.slice(0, 3)).toEqual(['deploy', 'ready', 'fill'])
  })

  it('goes on after a trial that fails, and its exit code says so', async () => {
    const { calls, outcome } = session({
      on: atCall('deploy', 3, () => {
        throw new Error('no space left')
      }),
    })
    const { records, exitCode } = await outcome
    expect(exitCode).toBe(5)
    expect(records.map(({ verdict }) => verdict)).toEqual(
      plan.order.map((_, i) => (i === 2 ? 'failed' : 'ok')),
    )
    expect(deploys(calls)).toHaveLength(total)
  })

  it('ends with 0 when trials are unsupported', async () => {
    const { records, exitCode } = await session({ unsupported: 'criu:uffd' }).outcome
    expect(exitCode).toBe(0)
    expect(new Set(records.map(({ verdict }) => verdict))).toEqual(new Set(['unsupported']))
  })

  it('goes on when the reports of a block cannot be written', async () => {
    let reports = 0
    const { events, outcome } = session({
      on: (call) => {
        if (call === 'reports' && ++reports === 1) throw new Error('no space left')
      },
    })
    expect((await outcome).exitCode).toBe(0)
    expect(events).toContainEqual({ kind: 'warning', text: 'the reports were not written: no space left' })
  })

  it('leaves nothing behind when an image cannot be built', async () => {
    const { outcome } = session({
      on: (call) => {
        if (call === 'prepare redis') throw new TestbedError('prerequisite', 'no mmdebstrap')
      },
    })
    await expect(outcome).rejects.toThrow('no mmdebstrap')
    expect(await readdir(results())).toEqual([])
  })

  it('refuses a plan with a toolchain that is not there', async () => {
    const world = createWorld()
    const run = runExperiment({
      ...world,
      toolchains: world.toolchains.slice(0, 1),
      plan,
      resultsFolder: results(),
      progress: () => undefined,
      signal: new AbortController().signal,
    })
    await expect(run).rejects.toThrow('unknown toolchain: docker-checkpoint')
    expect(world.calls).toEqual([])
  })

  it('stops, and can be resumed, when lost hosts cannot be brought back', async () => {
    const dead = ['host-b: cannot be asked (connection lost)']
    const { outcome } = session({
      residues: [[], [], dead, dead],
      on: (call) => {
        if (call.startsWith('reset')) throw new TestbedError('testbed', 'host-b does not start')
      },
    })
    await expect(outcome).rejects.toMatchObject({
      kind: 'testbed',
      message: 'host-b does not start',
      parts: { why: [`2 of ${total} trials are done`], again: expect.stringMatching(/^testbed resume /) },
    })
    const path = await runPath()
    await session({ path }).outcome
    await expectComplete(path)
  })
})

describe('dryRun', () => {
  it('estimates by the windows before anything is known', () => {
    expect(dryRun(plan)).toEqual({ plan, estimatedMs: total * (500 + 2000 + 1500 + 8000) })
  })
})
