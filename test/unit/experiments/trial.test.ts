import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { TestbedError } from '../../../src/core/errors.ts'
import { scratchFolder } from '../../support/scratch-folder.ts'
import { atCall, createWorld, type World } from './fakes.ts'
import { run, runIn, trial, wholeTrial } from './trial-runs.ts'

describe('a trial that goes well', () => {
  it('does everything once, in order', async () => {
    const { world, record } = run()
    expect(await record).toMatchObject({ verdict: 'ok', warnings: [] })
    expect(world.calls).toEqual(wholeTrial)
  })

  it('has its state written to from before the probes until after them', async () => {
    const world = createWorld()
    await runIn(world, { planned: { ...trial, factors: { dirtyRate: '1MiB/s' } } })
    const order = [
      'write to redis 1048576',
      'start probes 200/s',
      'stop probes',
      'stop writing',
      'judge state',
    ]
    expect(world.calls.filter((call) => order.includes(call))).toEqual(order)
  })

  it('waits for a kept connection, but not for one that stays silent', async () => {
    const keeps = { memory: true, files: true, connections: true }
    const sleeps = ({ calls }: World) =>
      calls
        .slice(calls.lastIndexOf('wait until answering'), calls.indexOf('stop probes'))
        .filter((call) => call.startsWith('sleep'))
    const answered = createWorld({ keeps })
    await runIn(answered)
    expect(answered.calls).toContain('wait for the connection')
    expect(sleeps(answered).at(-1)).toBe('sleep 1500')

    const never = new Promise(() => undefined)
    const silent = createWorld({ keeps, on: atCall('wait for the connection', 1, () => never) })
    expect(await runIn(silent)).toMatchObject({ verdict: 'ok' })
    const [longest = '', settle] = sleeps(silent)
    expect(Number(longest.split(' ')[1])).toBeGreaterThan(500)
    expect(settle).toBe('sleep 1500')
  })

  it('is recorded with what identifies it, its metrics, phases and state', async () => {
    const record = await run().record
    expect(record).toMatchObject({
      version: 1,
      id: trial.id,
      index: 6,
      block: 2,
      attempt: 2,
      toolchain: 'docker-checkpoint',
      workload: 'redis',
      factors: trial.factors,
      source: 'host-a',
      destination: 'host-b',
      state: {
        memory: 'kept',
        files: 'kept',
        connections: 'kept',
        findings: ['open connection: answered on the same socket to the end'],
      },
      generator: { due: 100, sent: 100, lateP50Ms: 0.1, lateP99Ms: 1, lateMaxMs: 2, stallMaxMs: 0 },
    })
    expect(record.cause).toBeUndefined()
    expect(record.phases.map(({ name }) => name)).toEqual(['checkpoint', 'restore'])
    const [, restore] = record.phases
    expect(record.metrics).toEqual({
      totalMs: restore?.endMs,
      frozenMs: 200,
      transferredBytes: 4096,
      serviceDowntimeMs: 300,
      failedRequests: 60,
      lostRequestSeconds: 0.3,
      resolutionMs: 5,
      'phase.checkpointMs': 1,
      'phase.restoreMs': 1,
    })
    expect(record.durationMs).toBeGreaterThan(4000)
  })

  it('leaves its timeline on the clock of the samples', async () => {
    const folder = await scratchFolder()
    await runIn(createWorld(), { folder })
    const timeline = JSON.parse(await readFile(join(folder, 'timeline.json'), 'utf8'))
    expect(Object.keys(timeline.marksNs)).toEqual([
      'baselineStart',
      'baselineEnd',
      'migrateStart',
      'migrateEnd',
      'end',
    ])
    const stamps = Object.values<string>(timeline.marksNs).map(BigInt)
    expect(stamps).toEqual(stamps.toSorted((a, b) => (a < b ? -1 : 1)))
    expect(timeline.steps.map(({ name }: { name: string }) => name).join(' ')).toBe(
      'deploy ready fill probe warm-up baseline evidence migrate answer settle record verify figures',
    )
  })
})

describe('the state of the hosts before a trial', () => {
  it('is mended by the toolchains where they can', async () => {
    const { world, record } = run({ residues: [['host-a: container old']] })
    expect(await record).toMatchObject({
      verdict: 'ok',
      warnings: ['left over before the trial: host-a: container old'],
    })
    expect(world.calls.slice(0, 7)).toEqual([
      'check clean',
      'remove docker-commit of 006',
      'remove docker-checkpoint of 006',
      'remove docker-commit of 007',
      'remove docker-checkpoint of 007',
      'check clean',
      'deploy docker-checkpoint',
    ])
  })

  it('is mended by a reset where they cannot, and the trial runs on the new hosts', async () => {
    const { world, record } = run({ residues: [['host-a: a mount'], ['host-a: a mount']] })
    const before = world.testbed.hosts[0]
    expect(await record).toMatchObject({
      verdict: 'ok',
      warnings: ['left over before the trial: host-a: a mount', 'reset of host-a: host-a: a mount'],
    })
    expect(world.calls.slice(5, 8)).toEqual(['check clean', 'reset host-a', 'check clean'])
    expect(world.testbed.hosts[0]).not.toBe(before)
  })

  it('resets both hosts where both need it', async () => {
    const residue = ['host-a: a mount', 'host-a: a rule', 'host-b: a rule']
    const { world, record } = run({ residues: [residue, residue] })
    expect(await record).toMatchObject({ verdict: 'ok' })
    expect(world.calls.filter((call) => call.startsWith('reset'))).toEqual(['reset host-a host-b'])
  })

  it('makes a trial invalid when nothing helps', async () => {
    const residue = ['host-a: a mount', 'host-b: a rule']
    const { world, record } = run({ residues: [residue, residue, residue] })
    expect(await record).toMatchObject({
      verdict: 'invalid',
      cause: { step: 'clean', message: 'not clean before the trial: host-a: a mount', why: residue },
    })
    expect(world.calls).not.toContain('deploy docker-checkpoint')
  })

  it('stops the run when the hosts cannot even be reset', async () => {
    const { record } = run({
      residues: [['host-b: cannot be asked'], ['host-b: cannot be asked']],
      on: atCall('reset host-b', 1, () => {
        throw new TestbedError('testbed', 'no such host')
      }),
    })
    await expect(record).rejects.toMatchObject({ kind: 'testbed', message: 'no such host' })
  })
})
