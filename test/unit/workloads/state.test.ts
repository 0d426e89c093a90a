import { deflateSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fillState, incompressible, incompressibleAt } from '../../../src/workloads/state.ts'
import { valueBatches } from '../../../src/workloads/values.ts'
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
  await expect(fillState(workloadWith(), nobody, { sizeBytes: 1000, seed: 1 })).resolves.toBeUndefined()
})

test('the state is cut into numbered values, some megabytes of them at a time', () => {
  const size = fc.integer({ min: 1, max: 30_000_000 })
  fc.assert(
    fc.property(size, fc.integer({ min: 3000, max: 9_000_000 }), (bytes, valueBytes) => {
      const taken: number[] = []
      const next = (length: number) => {
        taken.push(length)
        return Buffer.alloc(0)
      }
      const batches = [...valueBatches(bytes, valueBytes, next)]
      expect(batches.flat().map(({ number }) => number)).toEqual([...taken.keys()])
      expect(taken.reduce((sum, length) => sum + length, 0)).toBe(bytes)
      expect(taken.slice(0, -1).every((length) => length === valueBytes)).toBe(true)
      for (const batch of batches) expect((batch.length - 1) * valueBytes).toBeLessThan(4 * 1024 * 1024)
    }),
  )
})
