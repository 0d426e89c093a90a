import { deflateSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fillState, incompressible, incompressibleAt } from '../../../src/workloads/state.ts'
import { workloadWith } from './support.ts'

test('values depend on the seed alone, however they are cut', () => {
  fc.assert(
    fc.property(fc.integer(), fc.array(fc.nat(5000), { maxLength: 8 }), (seed, lengths) => {
      const next = incompressible(seed)
      const parts = Buffer.concat(lengths.map((length) => next(length)))
      expect(parts.equals(incompressible(seed)(parts.length))).toBe(true)
    }),
  )
})

test('a part of them is what stands there in the whole', () => {
  const whole = incompressible(7)(10_000)
  fc.assert(
    fc.property(fc.nat(9000), fc.nat(1000), (position, length) => {
      const part = incompressibleAt(7, position, length)
      expect(part.equals(whole.subarray(position, position + length))).toBe(true)
    }),
  )
})

test('values cannot be compressed and never repeat', () => {
  const next = incompressible(1)
  const first = next(65536)
  expect(deflateSync(first).length).toBeGreaterThan(65000)
  expect(next(65536).equals(first)).toBe(false)
  expect(incompressible(2)(65536).equals(first)).toBe(false)
})

test('a workload without state is left alone', async () => {
  const nobody = { host: '192.0.2.1', port: 1 }
  expect(await fillState(workloadWith(), nobody, { sizeBytes: 1000, seed: 1 })).toEqual({ keys: 0, bytes: 0 })
})
