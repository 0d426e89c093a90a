import { describe, expect, test } from 'vitest'
import { adviceFor } from '../../../src/report/advice.ts'
import { sectionsOf } from '../../../src/report/sections.ts'
import { type Comparison, compareTrials } from '../../../src/results/comparison.ts'
import type { TrialRecord } from '../../../src/results/record.ts'
import { trialRecord } from '../results/records.ts'

/** Ten trials of each toolchain; the second one's downtimes are `factor` times those of the first. */
function comparison(
  factor: number,
  parts: { trials?: Partial<TrialRecord>; count?: number; planned?: number; accelerator?: string } = {},
): Comparison {
  const count = parts.count ?? 10
  const toolchains = ['docker-commit', 'docker-checkpoint']
  const records = toolchains.flatMap((toolchain, at) =>
    Array.from({ length: count }, (_, i) => {
      const serviceDowntimeMs = (500 + i) * (at === 0 ? 1 : factor)
      return trialRecord({
        index: at * count + i,
        toolchain,
        metrics: { serviceDowntimeMs, resolutionMs: 5 },
        ...parts.trials,
      })
    }),
  )
  return compareTrials({
    id: 'run',
    plan: {
      hash: 'abc',
      seed: 1,
      experiment: { name: 'quickstart', axes: [{ name: 'toolchain', values: toolchains }] },
      order: Array(parts.planned ?? records.length).fill({}),
    },
    environment: { accelerator: parts.accelerator ?? 'kvm' },
    records,
  })
}

const advise = (...parts: Parameters<typeof comparison>) => adviceFor(comparison(...parts), 'results/x')

describe('advice', () => {
  test('none for enough trials that differ clearly', () => {
    expect(advise(2)).toEqual([])
  })

  test('says that too few trials bear no 95 % interval', () => {
    expect(advise(2, { count: 5 })).toEqual([expect.stringContaining('only 5 measured trials')])
    expect(advise(2, { count: 3 })).toEqual([expect.stringContaining('75 % of the time')])
    expect(advise(2, { count: 1 })).toEqual([expect.stringContaining('a single measured trial')])
    expect(advise(2, { count: 6 })).toEqual([])
  })

  test('says that two toolchains cannot be told apart', () => {
    expect(advise(1)).toEqual([
      'docker-checkpoint and docker-commit cannot be told apart by service downtime with counter: the interval of their ratio holds 1',
    ])
  })

  test('says that a downtime is close to the resolution', () => {
    expect(advise(0.03)).toEqual([expect.stringMatching(/^docker-checkpoint × counter: .*15\.1 ms ± 5 ms/)])
  })

  test('says how to go on, what invalid means, and that emulation is no measure', () => {
    expect(advise(2, { planned: 24 })).toEqual([
      '4 planned trials are not done yet: run testbed resume results/x',
    ])
    expect(advise(2, { trials: { verdict: 'invalid' } })).toEqual([
      expect.stringContaining('20 trials are invalid'),
    ])
    expect(advise(2, { accelerator: 'tcg' })).toEqual([expect.stringContaining('under emulation (TCG)')])
  })
})

test('causes stand in the order of the plan, with hint, log and the rate of failure', () => {
  const cause = { step: 'restore', message: 'criu failed', hint: 'read it', log: 'trials/x/restore.log' }
  const report = comparison(2, { count: 5, trials: { verdict: 'failed', cause } })
  const [first] = sectionsOf(report, 'results/x')
  expect(first?.title).toBe('Trials that did not end ok')
  expect(first?.items[0]).toBe(
    'docker-commit × counter: 5 failed at restore: criu failed (001-b1-counter-docker-commit, 002-b1-counter-docker-commit, 003-b1-counter-docker-commit and 2 more) — hint: read it — log: trials/x/restore.log',
  )
  expect(first?.items.at(-1)).toBe(
    'docker-checkpoint × counter: went wrong in 5 of 5: 100 %, 95 % interval 57 % to 100 %',
  )
})

test('phases of every cell stand in the order in which they began', () => {
  const metrics = { serviceDowntimeMs: 500, 'phase.evictMs': 201.4, 'phase.scheduleMs': 1500 } as const
  const phases = sectionsOf(comparison(1, { trials: { metrics } }), 'results/x').find(
    ({ title }) => title === 'Phases',
  )
  expect(phases?.items).toEqual([
    'medians, in the order in which they began; some overlap',
    'docker-commit × counter: evict 201 ms, schedule 1.50 s',
    'docker-checkpoint × counter: evict 201 ms, schedule 1.50 s',
  ])
  expect(sectionsOf(comparison(1), 'results/x').map(({ title }) => title)).not.toContain('Phases')
})
