import { appendFile, mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TestbedError } from '../../../src/core/errors.ts'
import { takeLock } from '../../../src/core/lock.ts'
import type { RunEvent } from '../../../src/experiments/events.ts'
import { type Plan, planExperiment } from '../../../src/experiments/plan.ts'
import { dryRun, type RunOutcome, resumeExperiment, runExperiment } from '../../../src/experiments/runner.ts'
import { readRecords } from '../../../src/results/journal.ts'
import { createWorld, experiment, hang, resolvedTestbed, type WorldOptions, workloads } from './fakes.ts'

let results: string
beforeEach(async () => {
  results = await mkdtemp(join(tmpdir(), 'run-'))
})
afterEach(() => rm(results, { recursive: true, force: true }))

const plan: Plan = planExperiment({
  experiment: experiment(),
  testbed: resolvedTestbed,
  workloads,
  drawSeed: () => 1,
  now: new Date(0),
})
const total = plan.order.length

interface Session {
  readonly calls: string[]
  readonly events: RunEvent[]
  readonly outcome: Promise<RunOutcome>
}

interface SessionOptions extends WorldOptions {
  readonly fresh?: boolean
  readonly signal?: AbortSignal
  /** Resumes this folder; without it a new run begins. */
  readonly path?: string
}

function session(options: SessionOptions = {}): Session {
  const { calls, testbed, toolchains, dependencies } = createWorld(options)
  const events: RunEvent[] = []
  const shared = {
    testbed,
    toolchains,
    dependencies,
    fresh: options.fresh ?? true,
    progress: (event: RunEvent) => events.push(event),
    signal: options.signal ?? new AbortController().signal,
  }
  const { path } = options
  const outcome =
    path === undefined
      ? runExperiment({ ...shared, plan, resultsFolder: results })
      : resumeExperiment({ ...shared, path })
  return { calls, events, outcome }
}

/** The folder of the only run there is. */
async function runPath(): Promise<string> {
  const experimentFolder = join(results, 'quickstart')
  return join(experimentFolder, await readlink(join(experimentFolder, 'latest')))
}

const deploys = (calls: readonly string[]) => calls.filter((call) => call.startsWith('deploy'))
/** Acts the n-th time that something is deployed. */
function atDeploy(n: number, act: NonNullable<WorldOptions['on']>): NonNullable<WorldOptions['on']> {
  let seen = 0
  return (call, signal, world) =>
    call.startsWith('deploy') && ++seen === n ? act(call, signal, world) : undefined
}

async function expectComplete(path: string): Promise<void> {
  const records = await readRecords(join(path, 'trials.jsonl'))
  expect(records.map(({ index }) => index)).toEqual(plan.order.map(({ index }) => index))
  expect(records.map(({ id }) => id)).toEqual(plan.order.map(({ id }) => id))
}

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
      on: atDeploy(3, () => {
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
    expect(await readdir(results)).toEqual([])
  })

  it('refuses a plan with a toolchain that is not there', async () => {
    const world = createWorld()
    const run = runExperiment({
      ...world,
      toolchains: world.toolchains.slice(0, 1),
      plan,
      resultsFolder: results,
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

describe('an interrupted run', () => {
  it('cleans the running trial up, journals the others and names the command that goes on', async () => {
    const controller = new AbortController()
    const { calls, outcome } = session({
      signal: controller.signal,
      on: atDeploy(4, async (_call, signal) => {
        controller.abort(new Error('Ctrl-C'))
        await hang(signal)
      }),
    })
    await expect(outcome).rejects.toMatchObject({
      kind: 'interrupted',
      exitCode: 130,
      message: `interrupted: 3 of ${total} trials are done`,
      parts: { again: expect.stringContaining('testbed resume') },
    })
    expect(await readRecords(join(await runPath(), 'trials.jsonl'))).toHaveLength(3)
    expect(calls.slice(-2)).toEqual([`remove ${plan.order[3]?.toolchain} of 004`, 'reports'])
  })

  it('is resumed where it was, with a second attempt of the trial that was cut off', async () => {
    const controller = new AbortController()
    const cut = session({
      signal: controller.signal,
      on: atDeploy(4, async (_call, signal) => {
        controller.abort(new Error('Ctrl-C'))
        await hang(signal)
      }),
    })
    await cut.outcome.catch(() => undefined)
    const path = await runPath()
    await writeFile(join(path, 'trials', plan.order[3]?.id ?? '', 'criu.log'), 'of the first attempt')

    const resumed = session({ path, fresh: false })
    const { records, exitCode } = await resumed.outcome
    expect(exitCode).toBe(0)
    await expectComplete(path)
    expect(records.map(({ attempt }) => attempt)).toEqual(plan.order.map((_, i) => (i === 3 ? 2 : 1)))
    expect(deploys(resumed.calls)).toHaveLength(total - 3)
    // What the killed session may have left is gone before anything is compared with it.
    expect(resumed.calls.indexOf('reset host-a host-b')).toBeLessThan(
      resumed.calls.indexOf('baseline of hosts'),
    )
    expect(await readdir(join(path, 'trials', plan.order[3]?.id ?? ''))).not.toContain('criu.log')
    expect(resumed.events[0]).toMatchObject({ kind: 'run-started', total, finished: 3 })
  })

  it('while images are built has not begun', async () => {
    const controller = new AbortController()
    const { outcome } = session({
      signal: controller.signal,
      on: async (call, signal) => {
        if (call !== 'prepare redis') return
        controller.abort(new Error('Ctrl-C'))
        await hang(signal)
      },
    })
    await expect(outcome).rejects.toMatchObject({
      kind: 'interrupted',
      message: 'interrupted before the run began',
    })
    expect(await readdir(results)).toEqual([])
  })
})

describe('resume', () => {
  it('completes each planned trial exactly once, wherever the run was killed', async () => {
    const path = (await session().outcome).folder.path
    const journal = join(path, 'trials.jsonl')
    const lines = (await readFile(journal, 'utf8')).split('\n').filter((line) => line !== '')
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: total }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.boolean(),
        async (done, share, begun) => {
          // What kill -9 leaves: whole lines, perhaps the beginning of one, perhaps the folder of a trial without record.
          await rm(journal)
          const whole = lines.slice(0, done).map((line) => `${line}\n`)
          const next = lines[done] ?? ''
          const torn = next.slice(0, Math.floor(share * next.length))
          await appendFile(journal, whole.join('') + torn)
          for (const [i, { id }] of plan.order.entries()) {
            if (i > done || (i === done && !begun)) {
              await rm(join(path, 'trials', id), { recursive: true, force: true })
            }
          }
          const { calls, outcome } = session({ path })
          const { records, exitCode } = await outcome
          await expectComplete(path)
          expect(exitCode).toBe(0)
          expect(records).toHaveLength(total)
          const wasWhole = torn === next && next !== ''
          expect(deploys(calls)).toHaveLength(total - done - (wasWhole ? 1 : 0))
        },
      ),
      { numRuns: 25 },
    )
  }, 60_000)

  it('of a complete run only writes the reports, and touches no host', async () => {
    const path = (await session().outcome).folder.path
    const { calls, outcome } = session({ path, fresh: false })
    expect((await outcome).records).toHaveLength(total)
    expect(calls).toEqual(['reports'])
  })

  it('keeps the environment of the beginning, adds its own and says what differs', async () => {
    const controller = new AbortController()
    const on = atDeploy(1, () => controller.abort(new Error('Ctrl-C')))
    await session({ signal: controller.signal, on }).outcome.catch(() => undefined)
    const path = await runPath()
    const file = join(path, 'environment.json')
    const first = JSON.parse(await readFile(file, 'utf8'))
    await writeFile(file, JSON.stringify({ ...first, images: { redis: 'sha256:other' } }))

    const { records } = await session({ path }).outcome
    const environment = JSON.parse(await readFile(file, 'utf8'))
    expect(environment.images).toEqual({ redis: 'sha256:other' })
    expect(environment.resumed).toEqual([
      {
        provider: 'namespaces',
        accelerator: 'none',
        images: { counter: 'sha256:counter', redis: 'sha256:redis' },
      },
    ])
    expect(records[0]?.warnings).toEqual(['an image of a workload is not what it was when the run began'])
  })

  it('is refused while the run is under way', async () => {
    const path = (await session().outcome).folder.path
    const release = await takeLock(join(path, '.lock'), { what: 'the run', hint: '' })
    await expect(session({ path }).outcome).rejects.toMatchObject({ kind: 'busy', exitCode: 6 })
    await release()
    await session({ path }).outcome
  })
})

describe('dryRun', () => {
  it('estimates by the windows before anything is known', () => {
    expect(dryRun(plan)).toEqual({ plan, estimatedMs: total * (500 + 2000 + 1500 + 8000) })
  })
})
