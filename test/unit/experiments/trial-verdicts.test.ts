import { describe, expect, it } from 'vitest'
import { atCall, createWorld } from './fakes.ts'
import { run, runIn, trial } from './trial-runs.ts'

describe('verdicts', () => {
  it('unsupported: nothing is started', async () => {
    const { world, record } = run({ unsupported: 'criu:mem_dirty_track' })
    expect(await record).toMatchObject({
      verdict: 'unsupported',
      cause: {
        step: 'supports',
        message: 'host-b lacks criu:mem_dirty_track: the kernel has it switched off',
      },
    })
    expect(world.calls).toEqual(['check clean'])
  })

  it('unsupported: there is nothing to write to', async () => {
    const world = createWorld()
    const factors = { dirtyRate: '1MiB/s' }
    const planned = { ...trial, workload: 'counter', factors }
    expect(await runIn(world, { planned })).toMatchObject({
      verdict: 'unsupported',
      cause: { step: 'supports', message: expect.stringContaining('counter lacks workload:state') },
    })
    expect(world.calls).toEqual(['check clean'])
  })

  it('invalid: the state was not written to as fast as asked for', async () => {
    const world = createWorld({ slowWriter: true })
    const planned = { ...trial, factors: { dirtyRate: '1MiB/s' } }
    expect(await runIn(world, { planned })).toMatchObject({
      verdict: 'invalid',
      cause: { step: 'write' },
    })
    expect(world.calls).not.toContain('checkpoint')
  })

  it('invalid: the generator was late, whatever else was seen', async () => {
    const { record } = run({
      observation: { fault: '1 % of the probes were sent more than 40 ms late', restored: false },
      state: { memory: 'lost' },
    })
    expect(await record).toMatchObject({
      verdict: 'invalid',
      cause: { step: 'probe', message: '1 % of the probes were sent more than 40 ms late' },
    })
  })

  it('failed: it answered once and then no more', async () => {
    const { record } = run({ observation: { restored: false } })
    expect(await record).toMatchObject({ verdict: 'failed', cause: { step: 'answer' } })
  })

  it('wrong-state: less survived than promised; it is measured all the same', async () => {
    const { record } = run({ state: { memory: 'lost', findings: ['another process answers'] } })
    expect(await record).toMatchObject({
      verdict: 'wrong-state',
      cause: {
        step: 'verify',
        message: 'lost: memory, which docker-checkpoint promises to keep',
      },
      state: {
        memory: 'lost',
        files: 'kept',
        findings: ['another process answers', 'open connection: answered on the same socket to the end'],
      },
      metrics: { serviceDowntimeMs: 300 },
    })
  })

  it('ok: what was lost had not been promised', async () => {
    const { record } = run({
      keeps: { memory: false, files: true, connections: false },
      state: { memory: 'lost' },
      observation: { connection: 'reset', connectionDetail: 'ECONNRESET' },
    })
    expect(await record).toMatchObject({
      verdict: 'ok',
      state: {
        memory: 'lost',
        connections: 'lost',
        findings: ['open connection: broken (ECONNRESET)'],
      },
    })
  })

  it.each([
    ['reset', 'wrong-state', 'lost', 0],
    ['stalled', 'wrong-state', 'lost', 0],
    ['not-observed', 'ok', 'unknown', 1],
    ['survived', 'ok', 'kept', 0],
  ] as const)('a promised connection that %s: %s', async (connection, verdict, survival, warnings) => {
    const { record } = run({
      keeps: { memory: true, files: true, connections: true },
      observation: { connection },
    })
    const ended = await record
    expect(ended).toMatchObject({ verdict, state: { connections: survival } })
    expect(ended.warnings).toHaveLength(warnings)
  })

  it('a removal that fails is a warning: the next check finds what is left', async () => {
    const { record } = run({
      on: atCall('remove docker-checkpoint of 007', 1, () => {
        throw new Error('connection lost')
      }),
    })
    expect(await record).toMatchObject({
      verdict: 'ok',
      warnings: ['docker-checkpoint could not clean up: connection lost'],
    })
  })
})
