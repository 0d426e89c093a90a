import { expect, test } from 'vitest'
import { createTimeline } from '../../../src/toolchains/timeline.ts'

/** A clock that stands still until it is moved. */
function manualClock(startMs: number) {
  let nowMs = startMs
  return {
    monotonicNs: () => BigInt(nowMs * 1_000_000),
    now: () => new Date(0),
    sleep: async (ms: number) => {
      nowMs += ms
    },
  }
}

test('phases are stamped from the request to migrate, and told in the order in which they began', async () => {
  const clock = manualClock(5000)
  const timeline = createTimeline(clock, clock.monotonicNs())
  await clock.sleep(3)
  const result = await timeline.phase('outer', async (details) => {
    await clock.sleep(10)
    await timeline.phase('inner', () => clock.sleep(20))
    details.bytes = 42
    return 'moved'
  })
  expect(result).toBe('moved')
  expect(timeline.phases).toEqual([
    { name: 'outer', startMs: 3, endMs: 33, details: { bytes: 42 } },
    { name: 'inner', startMs: 13, endMs: 33 },
  ])
  expect(timeline.failedPhase).toBeUndefined()
})

test('a phase that throws is kept, and the innermost one is named', async () => {
  const clock = manualClock(0)
  const timeline = createTimeline(clock, 0n)
  const failing = timeline.phase('transfer', async () => {
    await clock.sleep(7)
    await timeline.phase('send', async () => {
      throw new Error('no space')
    })
  })
  await expect(failing).rejects.toThrow('no space')
  expect(timeline.failedPhase).toBe('send')
  expect(timeline.phases).toEqual([
    { name: 'transfer', startMs: 0, endMs: 7 },
    { name: 'send', startMs: 7, endMs: 7 },
  ])
})

test('figures that come later go to the last phase of that name', async () => {
  const timeline = createTimeline(manualClock(0), 0n)
  for (const round of [1, 2]) {
    await timeline.phase('pre-dump', async (details) => {
      details.round = round
    })
  }
  timeline.annotate('pre-dump', { pages: 9 })
  timeline.annotate('never', { pages: 1 })
  expect(timeline.phases.map(({ details }) => details)).toEqual([{ round: 1 }, { round: 2, pages: 9 }])
})
