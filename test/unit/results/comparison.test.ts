import { describe, expect, test } from 'vitest'
import { compareTrials } from '../../../src/results/comparison.ts'
import type { TrialRecord } from '../../../src/results/record.ts'
import { trialRecord } from './records.ts'

const plan = {
  hash: 'abc',
  seed: 7,
  experiment: {
    name: 'quickstart',
    axes: [
      { name: 'toolchain', values: ['docker-commit', 'docker-checkpoint'] },
      { name: 'workload', values: ['redis', 'counter'] },
      { name: 'size', values: ['8MiB', '64MiB'] },
    ],
  },
  order: Array.from({ length: 9 }, () => ({})),
}

function compare(records: readonly TrialRecord[]) {
  return compareTrials({ id: 'run', plan, environment: { accelerator: 'none' }, records })
}

describe('compareTrials', () => {
  test('counts how open connections ended, in measured trials alone', () => {
    const [cell] = compare([
      trialRecord({ index: 0, connection: 'survived' }),
      trialRecord({ index: 1, connection: 'reset', verdict: 'wrong-state' }),
      trialRecord({ index: 2, connection: 'reset', verdict: 'wrong-state' }),
      trialRecord({ index: 3, connection: 'stalled', verdict: 'invalid' }),
      trialRecord({ index: 4 }),
    ]).cells
    expect(cell?.connections).toEqual({ survived: 1, reset: 2 })
  })

  test('orders cells so that what is compared stands together, in the order of the file', () => {
    const cells = [
      ['podman', 'redis', '64MiB'],
      ['docker-checkpoint', 'counter', '8MiB'],
      ['docker-commit', 'redis', '64MiB'],
      ['docker-checkpoint', 'redis', '8MiB'],
      ['docker-checkpoint', 'redis', '64MiB'],
      ['docker-commit', 'redis', '1GiB'],
    ]
    const records = cells.map(([toolchain = '', workload = '', size = ''], index) =>
      trialRecord({ index, toolchain, workload, factors: { size } }),
    )
    expect(compare(records).cells.map((cell) => [cell.toolchain, cell.workload, cell.factors.size])).toEqual([
      ['docker-checkpoint', 'redis', '8MiB'],
      ['docker-commit', 'redis', '64MiB'],
      ['docker-checkpoint', 'redis', '64MiB'],
      ['podman', 'redis', '64MiB'],
      ['docker-commit', 'redis', '1GiB'],
      ['docker-checkpoint', 'counter', '8MiB'],
    ])
  })

  test('measures trials that ran to their end, and counts all', () => {
    const lost = { memory: 'lost', files: 'kept', connections: 'unknown', findings: ['restarted'] } as const
    const slow = { totalMs: 99_000 }
    const verdicts = ['ok', 'wrong-state', 'failed', 'timed-out', 'unsupported', 'invalid'] as const
    const records = verdicts.map((verdict, index) =>
      trialRecord({
        index,
        verdict,
        ...(verdict === 'ok' ? {} : { state: lost }),
        metrics:
          verdict === 'ok'
            ? { totalMs: 1000, frozenMs: 5 }
            : verdict === 'wrong-state'
              ? { totalMs: 3000 }
              : slow,
      }),
    )
    const [cell] = compare(records).cells
    expect(cell).toMatchObject({
      trials: 6,
      measured: 2,
      verdicts: { ok: 1, 'wrong-state': 1, failed: 1, 'timed-out': 1, unsupported: 1, invalid: 1 },
      state: { memory: 1, files: 2, connections: 0 },
      stateKnown: { memory: 2, files: 2, connections: 1 },
      // 3 of the 4 that were tried and judged.
      failureRate: { rate: 0.75, n: 4 },
      accelerator: 'none',
    })
    expect(cell?.metrics).toEqual({
      totalMs: { median: 2000, low: 1000, high: 3000, n: 2 },
      frozenMs: { median: 5, low: 5, high: 5, n: 1 },
    })
  })

  test('compares with the first toolchain under the same conditions, whatever the order of the factors', () => {
    const base = trialRecord({
      index: 0,
      factors: { size: '8MiB', rate: 1 },
      metrics: { totalMs: 400, resolutionMs: 5 },
    })
    const other = {
      toolchain: 'docker-checkpoint',
      factors: { rate: 1, size: '8MiB' },
      metrics: { totalMs: 100, frozenMs: 9, resolutionMs: 5 },
    }
    const elsewhere = { ...other, factors: { rate: 1, size: '64MiB' } }
    const { cells, run } = compare([
      base,
      trialRecord({ index: 1, ...other }),
      trialRecord({ index: 2, ...elsewhere }),
    ])
    expect(run.baseline).toBe('docker-commit')
    expect(cells.map((cell) => cell.ratioToBaseline)).toEqual([
      { totalMs: { median: 1, low: 1, high: 1, n: 1 } },
      { totalMs: { median: 0.25, low: 0.25, high: 0.25, n: 1 } },
      {},
    ])
  })

  test('groups causes in the order of the plan', () => {
    const cause = {
      step: 'checkpoint',
      message: 'criu failed',
      hint: 'read the log',
      log: 'trials/1/dump.log',
    }
    const records = [
      trialRecord({ index: 2, id: 'c', verdict: 'failed', cause: { ...cause, log: 'trials/3/dump.log' } }),
      trialRecord({ index: 1, id: 'b', verdict: 'timed-out' }),
      trialRecord({ index: 0, id: 'a', verdict: 'failed', cause }),
      trialRecord({
        index: 3,
        id: 'd',
        verdict: 'wrong-state',
        state: { memory: 'lost', files: 'kept', connections: 'lost', findings: ['restarted', 'rolled back'] },
      }),
    ]
    expect(compare(records).cells[0]?.causes).toEqual([
      { verdict: 'failed', ...cause, count: 2, trials: ['a', 'c'] },
      { verdict: 'timed-out', step: 'unknown', message: 'no cause was recorded', count: 1, trials: ['b'] },
      { verdict: 'wrong-state', step: 'verify', message: 'restarted; rolled back', count: 1, trials: ['d'] },
    ])
  })

  test('a cell without a measured trial has counts and no metrics', () => {
    const [cell] = compare([trialRecord({ verdict: 'unsupported' })]).cells
    expect(cell).toMatchObject({ trials: 1, measured: 0, metrics: {}, ratioToBaseline: {} })
    expect(cell).not.toHaveProperty('failureRate')
  })

  test('says how much of the plan is done, by final attempts', () => {
    const records = [trialRecord({ verdict: 'failed' }), trialRecord({ attempt: 2 })]
    const { run, trials } = compare(records)
    expect(run).toMatchObject({ plannedTrials: 9, finishedTrials: 1, seed: 7, planHash: 'abc' })
    expect(trials).toEqual([records[1]])
  })

  test('another cell does not change the intervals of this one', () => {
    const metrics = (index: number) => ({ totalMs: 1000 + 37 * ((index * 7) % 10) })
    const records = Array.from({ length: 10 }, (_, index) => trialRecord({ index, metrics: metrics(index) }))
    const other = trialRecord({ index: 10, workload: 'redis' })
    const alone = compare(records).cells[0]
    expect(compare([...records, other]).cells.find((cell) => cell.workload === 'counter')).toEqual(alone)
    expect(alone?.metrics.totalMs?.low).toBeLessThan(alone?.metrics.totalMs?.high ?? 0)
  })
})
