import { expect, test } from 'vitest'
import { createPlainView } from '../../../src/cli/plain-view.ts'
import { clockText, describePosition } from '../../../src/cli/run-text.ts'
import { step } from '../../../src/core/progress.ts'
import type { RunEvent, TrialPosition } from '../../../src/experiments/events.ts'
import { trialRecord } from '../results/records.ts'

const position: TrialPosition = {
  id: '007-b2-redis-docker-checkpoint',
  number: 7,
  total: 12,
  toolchain: 'docker-checkpoint',
  workload: 'redis',
  factors: {},
  block: 2,
  blocks: 3,
  attempt: 1,
  counts: { ok: 6 },
  etaMs: 70_000,
}

/** A view on a clock that every look at it moves by 100 ms. */
function watch() {
  const lines: string[] = []
  let nowMs = 0
  const view = createPlainView(
    (line) => lines.push(line),
    () => nowMs,
  )
  const show = (event: RunEvent, afterMs = 0) => {
    nowMs += afterMs
    view.progress(event)
  }
  return { lines, show, view, wait: (ms: number) => (nowMs += ms) }
}

test('a step is a line when it starts and one when it ends, with its duration, host by host', () => {
  const { lines, show } = watch()
  show({ kind: 'step-started', step: 'start', host: 'host-a' }, 100)
  show({ kind: 'step-started', step: 'start', host: 'host-b' }, 400)
  show({ kind: 'step-done', step: 'start', host: 'host-a' }, 1000)
  show({ kind: 'step-failed', step: 'start', host: 'host-b', message: 'no answer' }, 10_000)
  show({ kind: 'step-done', step: 'build', note: '120 MiB' }, 100_000)
  expect(lines).toEqual([
    '[    0.1 s] host-a: start',
    '[    0.5 s] host-b: start',
    '[    1.5 s] host-a: start: done in 1.4 s',
    '[   11.5 s] host-b: start: failed after 11.0 s',
    '[  111.5 s] build: done in 0.0 s (120 MiB)',
  ])
})

test('a run tells its folder, its trials and their ends', () => {
  const { lines, show } = watch()
  show({ kind: 'run-started', folder: 'results/x', seed: 7, total: 12, finished: 6 })
  show({ kind: 'trial-started', position })
  show({ kind: 'trial-step', step: 'deploy', position })
  show({ kind: 'trial-done', position, record: trialRecord({ verdict: 'ok', durationMs: 12_340 }) })
  const cause = { step: 'restore', message: 'criu failed' }
  show({ kind: 'trial-done', position, record: trialRecord({ verdict: 'failed', cause, durationMs: 900 }) })
  show({ kind: 'warning', text: 'busy machine', host: 'host-a' })
  show({ kind: 'reports-written', folder: 'results/x/report' })
  show({ kind: 'note', text: 'Unpacking libc6 …' })
  expect(lines.map((line) => line.replace(/^\[ {4}0\.0 s\] /, ''))).toEqual([
    'run folder results/x: 12 trials, 6 done before, seed 7',
    'trial 7/12 · redis × docker-checkpoint · block 2 · ok 6 · ETA 01:10',
    'trial 7/12 · ok in 12.3 s',
    'trial 7/12 · failed (restore: criu failed) in 0.9 s',
    'host-a: warning: busy machine',
    'reports in results/x/report',
  ])
})

test('the view shows what `step` tells, and passes results and errors on', async () => {
  const { lines, view, wait } = watch()
  const work = () => step(view.progress, 'load', async () => wait(2500))
  expect(await view.during(work)).toBe(2500)
  expect(lines).toEqual(['[    0.0 s] load', '[    2.5 s] load: done in 2.5 s'])
  await expect(view.during(() => Promise.reject(new Error('no')))).rejects.toThrow('no')
})

test('where a run stands, in one line', () => {
  expect(describePosition(position)).toBe(
    'trial 7/12 · redis × docker-checkpoint · block 2 · ok 6 · ETA 01:10',
  )
  const more = { ...position, factors: { stateSize: '64MiB', probeRate: '200/s' }, attempt: 2 }
  expect(describePosition({ ...more, counts: { ok: 4, failed: 2 }, etaMs: 7_384_000 })).toBe(
    'trial 7/12 · redis × docker-checkpoint · stateSize=64MiB · probeRate=200/s · block 2 · attempt 2 · ok 4 · failed 2 · ETA 2:03:04',
  )
})

test.each([
  [0, '00:00'],
  [999, '00:01'],
  [59_400, '00:59'],
  [59_600, '01:00'],
  [3_599_000, '59:59'],
  [3_600_000, '1:00:00'],
  [90_061_000, '25:01:01'],
])('%d ms are %s', (ms, text) => {
  expect(clockText(ms)).toBe(text)
})

test('a step that takes long says now and then how far it is', () => {
  const { lines, show } = watch()
  show({ kind: 'step-started', step: 'build' })
  for (let count = 1; count <= 8; count += 1) show({ kind: 'note', text: `${count} of 8 packages` }, 10_000)
  expect(lines).toEqual(['[    0.0 s] build', '[   30.0 s] 3 of 8 packages', '[   60.0 s] 6 of 8 packages'])
})
