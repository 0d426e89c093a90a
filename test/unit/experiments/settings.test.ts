import { describe, expect, test } from 'vitest'
import type { ResolvedExperiment } from '../../../src/config/resolved.ts'
import { trialSettings } from '../../../src/experiments/settings.ts'

const windows = { warmUpMs: 1, baselineMs: 2, settleMs: 3 }
const silent = { windows, probe: { timeoutMs: 5000 } } satisfies Partial<ResolvedExperiment>

describe('settings of a trial', () => {
  test('where the experiment says nothing, they suit the hosts', () => {
    expect(trialSettings(silent, {}, { emulated: false })).toEqual({
      ...windows,
      timeoutMs: 5000,
      ratePerSecond: 200,
      deadlineMs: 120_000,
    })
    expect(trialSettings(silent, {}, { emulated: true })).toEqual({
      ...windows,
      timeoutMs: 5000,
      ratePerSecond: 20,
      deadlineMs: 900_000,
    })
  })

  test('what the experiment says holds on all hosts, and an axis before it', () => {
    const explicit = { ...silent, deadlineMs: 7000, probe: { timeoutMs: 100, ratePerSecond: 50 } }
    for (const emulated of [false, true]) {
      const hosts = { emulated }
      expect(trialSettings(explicit, {}, hosts)).toMatchObject({ ratePerSecond: 50, deadlineMs: 7000 })
      expect(trialSettings(explicit, { probeRate: '9/s' }, hosts)).toMatchObject({ ratePerSecond: 9 })
    }
  })

  test('a state that is written to, unless the rate is nothing', () => {
    const hosts = { emulated: false }
    expect(trialSettings(silent, { dirtyRate: '2MiB/s' }, hosts).dirtyBytesPerSecond).toBe(2 ** 21)
    expect(trialSettings(silent, { dirtyRate: '0B/s' }, hosts)).not.toHaveProperty('dirtyBytesPerSecond')
  })

  test('state of another size', () => {
    expect(trialSettings(silent, { stateSize: '2KiB' }, { emulated: false }).stateBytes).toBe(2048)
    expect(trialSettings(silent, {}, { emulated: false }).stateBytes).toBeUndefined()
  })
})
