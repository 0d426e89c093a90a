import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TestbedError } from '../../../src/core/errors.ts'
import type { TrialBench } from '../../../src/experiments/bench.ts'
import type { PlannedTrial } from '../../../src/experiments/order.ts'
import { planExperiment } from '../../../src/experiments/plan.ts'
import { runTrial } from '../../../src/experiments/trial.ts'
import type { TrialRecord } from '../../../src/results/record.ts'
import {
  createWorld,
  experiment,
  hang,
  resolvedTestbed,
  type World,
  type WorldOptions,
  workloads,
} from './fakes.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trial-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const previous: PlannedTrial = {
  id: '006-b2-counter-docker-commit',
  index: 5,
  block: 2,
  toolchain: 'docker-commit',
  workload: 'counter',
  factors: {},
}
const trial: PlannedTrial = {
  id: '007-b2-redis-docker-checkpoint',
  index: 6,
  block: 2,
  toolchain: 'docker-checkpoint',
  workload: 'redis',
  factors: { stateSize: '8MiB', probeRate: '100/s' },
}

async function runIn(
  world: World,
  signal = new AbortController().signal,
  planned = trial,
): Promise<TrialRecord> {
  const plan = planExperiment({
    experiment: experiment(),
    testbed: resolvedTestbed,
    workloads,
    drawSeed: () => 1,
    now: new Date(0),
  })
  const cleanCheck = await world.dependencies.takeBaseline(world.testbed.hosts, signal)
  world.calls.length = 0
  const bench: TrialBench = {
    plan,
    testbed: world.testbed,
    emulated: false,
    toolchains: new Map(world.toolchains.map((toolchain) => [toolchain.name, toolchain])),
    images: new Map(
      ['counter', 'redis'].map((name) => [
        name,
        { id: `sha256:${name}`, name, archive: `/cache/${name}.tar`, bytes: 1 },
      ]),
    ),
    cleanCheck,
    resetHosts: (within) => world.testbed.reset(['host-a', 'host-b'], within),
    dependencies: world.dependencies,
  }
  return await runTrial(bench, planned, {
    folder: { path: folder, attempt: 2 },
    previous,
    onStep: () => undefined,
    signal,
  })
}

const run = (options: WorldOptions = {}) => {
  const world = createWorld(options)
  return { world, record: runIn(world) }
}

/** Everything that a good trial does. */
const wholeTrial = [
  'check clean',
  'deploy docker-checkpoint',
  'wait until answering',
  'fill redis 8388608',
  'start probes 100/s',
  'sleep 500',
  'sleep 2000',
  'take evidence',
  'checkpoint',
  'restore',
  'wait until answering',
  'sleep 1500',
  'stop probes',
  'judge state',
  'remove docker-checkpoint of 007',
]

describe('a trial that goes well', () => {
  it('does everything once, in order', async () => {
    const { world, record } = run()
    expect(await record).toMatchObject({ verdict: 'ok', warnings: [] })
    expect(world.calls).toEqual(wholeTrial)
  })

  it('has its state written to from before the probes until after them', async () => {
    const world = createWorld()
    await runIn(world, undefined, { ...trial, factors: { dirtyRate: '1MiB/s' } })
    const order = [
      'write to redis 1048576',
      'start probes 200/s',
      'stop probes',
      'stop writing',
      'judge state',
    ]
    expect(world.calls.filter((call) => order.includes(call))).toEqual(order)
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
    await run().record
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
    expect(timeline.steps.map(({ name }: { name: string }) => name)).toEqual([
      'deploy',
      'ready',
      'fill',
      'probe',
      'warm-up',
      'baseline',
      'evidence',
      'migrate',
      'answer',
      'settle',
      'record',
      'verify',
      'figures',
    ])
  })
})

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

/** Acts when `call` is done for the n-th time. */
function atCall(
  call: string,
  n: number,
  act: NonNullable<WorldOptions['on']>,
): NonNullable<WorldOptions['on']> {
  let seen = 0
  return async (done, signal, world) => {
    if (done === call && ++seen === n) await act(done, signal, world)
  }
}

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
    await expect(runIn(world, controller.signal)).rejects.toThrow('Ctrl-C')
    expect(world.calls.at(-1)).toBe('remove docker-checkpoint of 007')
  })

  it('in a window stops at once', async () => {
    const controller = new AbortController()
    const world = createWorld({
      on: atCall('start probes 100/s', 1, () => controller.abort(new Error('Ctrl-C'))),
    })
    await expect(runIn(world, controller.signal)).rejects.toThrow('Ctrl-C')
    expect(world.calls).not.toContain('take evidence')
    expect(world.calls.at(-1)).toBe('remove docker-checkpoint of 007')
  })

  it('while hosts are cleaned has made nothing', async () => {
    const controller = new AbortController()
    const world = createWorld({
      residues: [['a mount'], ['a mount']],
      on: atCall('reset host-a host-b', 1, async (_call, signal) => {
        controller.abort(new Error('Ctrl-C'))
        await hang(signal)
      }),
    })
    await expect(runIn(world, controller.signal)).rejects.toThrow('Ctrl-C')
    expect(world.calls).not.toContain('deploy docker-checkpoint')
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
      warnings: ['left over before the trial: host-a: a mount', 'the hosts were reset: host-a: a mount'],
    })
    expect(world.calls.slice(5, 8)).toEqual(['check clean', 'reset host-a host-b', 'check clean'])
    expect(world.testbed.hosts[0]).not.toBe(before)
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
      on: atCall('reset host-a host-b', 1, () => {
        throw new TestbedError('testbed', 'no such host')
      }),
    })
    await expect(record).rejects.toMatchObject({ kind: 'testbed', message: 'no such host' })
  })
})

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
    expect(await runIn(world, undefined, planned)).toMatchObject({
      verdict: 'unsupported',
      cause: { step: 'supports', message: expect.stringContaining('counter lacks workload:state') },
    })
    expect(world.calls).toEqual(['check clean'])
  })

  it('invalid: the state was not written to as fast as asked for', async () => {
    const world = createWorld({ slowWriter: true })
    const planned = { ...trial, factors: { dirtyRate: '1MiB/s' } }
    expect(await runIn(world, undefined, planned)).toMatchObject({
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

function indexOfNth(calls: readonly string[], call: string, n: number): number {
  let seen = 0
  return calls.findIndex((each) => each === call && ++seen === n)
}
