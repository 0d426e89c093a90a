import { expect, test } from 'vitest'
import type { ResolvedWorkload } from '../../../src/config/resolved.ts'
import { trialSettings } from '../../../src/experiments/settings.ts'
import { whatIsMissing } from '../../../src/experiments/unsupported.ts'
import { createWorld, experiment, workloads } from './fakes.ts'
import { trial } from './trial-runs.ts'

function missing(state: ResolvedWorkload['state'], dirtyRate: string): string | undefined {
  const { toolchains, testbed } = createWorld()
  const [toolchain] = toolchains
  const [source, destination] = testbed.hosts
  const [counter] = workloads
  if (toolchain === undefined || source === undefined || destination === undefined || counter === undefined) {
    throw new Error('the fakes have a toolchain, two hosts and a workload')
  }
  const workload = { ...counter, ...(state === undefined ? {} : { state }) }
  const settings = trialSettings(experiment(), { dirtyRate }, { emulated: false })
  return whatIsMissing(trial, toolchain, workload, settings, [source, destination], true)
}

test.each([
  ['without state', undefined],
  ['whose state is in PostgreSQL', { kind: 'postgres', sizeBytes: 1000, rowBytes: 100 }],
] as const)('a workload %s cannot be written over', (_name, state) => {
  expect(missing(state, '1MiB/s')).toContain('counter lacks workload:state')
  expect(missing(state, '0B/s')).toBeUndefined()
})

test('a workload whose state is in Redis can be', () => {
  expect(missing({ kind: 'redis', sizeBytes: 1000, valueBytes: 100 }, '1MiB/s')).toBeUndefined()
})
