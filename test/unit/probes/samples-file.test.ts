import { mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { TestbedError } from '../../../src/core/errors.ts'
import type { Sample } from '../../../src/probes/sample.ts'
import { decodeSample, encodeSample, readSamples, writeSamples } from '../../../src/probes/samples-file.ts'
import { steady } from './samples.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'samples-'))
})
afterEach(async () => {
  await rm(folder, { recursive: true })
})

test('a sample survives its line whole', () => {
  const stamp = fc.bigInt({ min: 0n, max: 2n ** 63n })
  const samples = fc.record(
    {
      stream: fc.constantFrom('service', 'connection'),
      k: fc.nat(),
      due: stamp,
      sent: stamp,
      done: stamp,
      outcome: fc.constantFrom('ok', 'wrong', 'unanswered'),
      identity: fc.string({ unit: 'binary' }),
      sequence: fc.maxSafeInteger(),
      detail: fc.string(),
    },
    { requiredKeys: ['stream', 'k', 'due', 'sent', 'outcome'] },
  )
  fc.assert(
    fc.property(samples, (value) => {
      const line = encodeSample(value as Sample)
      expect(line).not.toContain('\n')
      expect(decodeSample(line)).toEqual(value)
    }),
  )
})

test('a file holds every sample in order, and nothing unfinished is left beside it', async () => {
  const file = join(folder, 'trial', 'samples.ndjson.gz')
  const samples = steady(5, 60_000, (dueMs) => (dueMs > 30_000 ? { doneMs: dueMs + 2, sequence: dueMs } : {}))
  await writeSamples(file, samples)
  expect(await readSamples(file)).toEqual(samples)
  expect(await readdir(join(folder, 'trial'))).toEqual(['samples.ndjson.gz'])
})

test('no samples are a file too', async () => {
  const file = join(folder, 'samples.ndjson.gz')
  await writeSamples(file, [])
  expect(await readSamples(file)).toEqual([])
})

test('a damaged file is named with the line', async () => {
  const file = join(folder, 'samples.ndjson.gz')
  await writeFile(file, gzipSync(`${steady(5, 5).map(encodeSample).join('\n')}\nnonsense\n`))
  const error = await readSamples(file).catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(TestbedError)
  expect((error as TestbedError).parts.where).toBe(`${file}:3`)

  await writeSamples(file, steady(5, 5000))
  await truncate(file, 400)
  await expect(readSamples(file)).rejects.toThrow('cannot be read')
})
