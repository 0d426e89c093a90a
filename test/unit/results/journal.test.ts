import { appendFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { appendRecord, finalRecords, readRecords } from '../../../src/results/journal.ts'
import { trialRecord } from './records.ts'

let folder: string
let file: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'journal-'))
  file = join(folder, 'trials.jsonl')
})

afterEach(async () => {
  await rm(folder, { recursive: true })
})

describe('journal', () => {
  test('gives back what was appended, a line each', async () => {
    const records = [trialRecord({ index: 0 }), trialRecord({ index: 1, warnings: ['line\nbreak, ü'] })]
    for (const record of records) await appendRecord(file, record)
    expect(await readRecords(file)).toEqual(records)
    expect((await readFile(file, 'utf8')).split('\n')).toHaveLength(3)
  })

  test('is empty when there is no file yet', async () => {
    expect(await readRecords(file)).toEqual([])
  })

  test('cut off anywhere, loses at most the last record, and goes on', async () => {
    const [first, second, third] = [0, 1, 2].map((index) => trialRecord({ index, warnings: ['ü'] }))
    if (first === undefined || second === undefined || third === undefined) throw new Error('three records')
    const whole = Buffer.from(`${JSON.stringify(first)}\n${JSON.stringify(second)}\n`)
    const firstLength = Buffer.byteLength(JSON.stringify(first)) + 1
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: firstLength, max: whole.length }), async (length) => {
        await writeFile(file, whole)
        await truncate(file, length)
        // Only its newline may be missing from a record that counts.
        const kept = length >= whole.length - 1 ? [first, second] : [first]
        expect(await readRecords(file)).toEqual(kept)
        await appendRecord(file, third)
        expect(await readRecords(file)).toEqual([...kept, third])
      }),
    )
  })

  test('a file of which only a torn line exists starts anew', async () => {
    await writeFile(file, '{"version":1,"id":"0')
    expect(await readRecords(file)).toEqual([])
    await appendRecord(file, trialRecord())
    expect(await readRecords(file)).toEqual([trialRecord()])
  })

  test('a damaged line elsewhere is an error that names file and line', async () => {
    await appendRecord(file, trialRecord({ index: 0 }))
    await appendFile(file, '{"version":1,\n')
    await appendRecord(file, trialRecord({ index: 1 }))
    await expect(readRecords(file)).rejects.toMatchObject({
      kind: 'configuration',
      message: 'a trial record is damaged',
      parts: { where: `${file}:2` },
    })
  })

  test.each([
    ['[]', 'it is not an object'],
    ['{"version":2}', 'its version is 2, known is 1'],
    [JSON.stringify({ ...trialRecord(), verdict: 'fine' }), 'verdict is "fine", known are'],
    [JSON.stringify({ ...trialRecord(), metrics: { totalMs: '1' } }), 'metrics.totalMs is not a number'],
    [JSON.stringify({ ...trialRecord(), index: undefined }), 'index is not a whole number'],
    [JSON.stringify({ ...trialRecord(), state: {} }), 'state.findings is not a list'],
  ])('refuses %s', async (line, problem) => {
    await writeFile(file, `${line}\n`)
    await expect(readRecords(file)).rejects.toMatchObject({
      message: 'not a trial record',
      parts: { where: `${file}:1`, why: [expect.stringContaining(problem)] },
    })
  })
})

describe('finalRecords', () => {
  test('keeps the last attempt of each planned trial, in the order of the plan', () => {
    const cut = trialRecord({ index: 1, attempt: 1, verdict: 'failed' })
    const again = trialRecord({ index: 1, attempt: 2 })
    const other = trialRecord({ index: 0 })
    expect(finalRecords([cut, other, again])).toEqual([other, again])
  })
})
