import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { compareRuns } from '../../../src/report/compare-runs.ts'
import { renderReport, writeReports } from '../../../src/report/report.ts'
import { readRecords } from '../../../src/results/journal.ts'

const testdata = join(import.meta.dirname, '../../testdata/results/quickstart')
const stored = join(testdata, '2026-11-22T01-04-09-k3f9')
const terminal = { width: 100, colour: false }

let folder: string
let run: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'report-'))
  run = join(folder, '2026-11-22T01-04-09-k3f9')
  await cp(stored, run, { recursive: true })
})

afterAll(async () => {
  await rm(folder, { recursive: true })
})

async function schemas(): Promise<Ajv> {
  const ajv = new Ajv({ allErrors: true, allowUnionTypes: true })
  for (const name of ['trial', 'report']) {
    const file = join(import.meta.dirname, `../../../schemas/${name}.schema.json`)
    ajv.addSchema(JSON.parse(await readFile(file, 'utf8')))
  }
  return ajv
}

describe('report of a stored run', () => {
  test('Markdown is what it was', async () => {
    const text = await renderReport(run, 'markdown', terminal)
    await expect(text).toMatchFileSnapshot(join(testdata, 'expected-comparison.md'))
  })

  test('the table for a terminal is what it was, and names the folder as it was asked for', async () => {
    const [text = '', facts] = (await renderReport(run, 'table', terminal)).split('\n\nRun\n')
    expect(facts).toContain(run)
    await expect(`${text}\n`).toMatchFileSnapshot(join(testdata, 'expected-table-100.txt'))
  })

  test('no line of the table is wider than the terminal', async () => {
    for (const width of [80, 100, 120, 160]) {
      const text = await renderReport(run, 'table', { width, colour: false })
      const [table = ''] = text.split('Trials that did not end ok')
      for (const line of table.split('\n')) expect(line.length).toBeLessThanOrEqual(width)
    }
  })

  test('CSV has a row a cell and as many fields in each as in its header', async () => {
    const lines = (await renderReport(run, 'csv', terminal)).split('\r\n')
    expect(lines.pop()).toBe('')
    const [header = [], ...rows] = lines.map((line) => line.split(','))
    expect(rows.map((row) => row.length)).toEqual(Array(4).fill(header.length))
    const field = (row: number, name: string) => rows[row]?.[header.indexOf(name)]
    expect(field(1, 'toolchain')).toBe('docker-checkpoint')
    expect(field(1, 'unsupported')).toBe('1')
    expect(field(1, 'frozenMs_n')).toBe('2')
    expect(field(0, 'frozenMs_median')).toBe('')
    expect(Number(field(1, 'totalMs_ratio'))).toBeCloseTo(776.2845 / 3758.694, 9)
  })

  test('JSON and the journal are what the schemas say', async () => {
    const ajv = await schemas()
    const report: unknown = JSON.parse(await renderReport(run, 'json', terminal))
    expect(ajv.validate('report.schema.json', report), ajv.errorsText()).toBe(true)
    const records = await readRecords(join(run, 'trials.jsonl'))
    for (const record of records)
      expect(ajv.validate('trial.schema.json', record), ajv.errorsText()).toBe(true)
    // The schema would notice: neither is so loose that it lets anything pass.
    expect(ajv.validate('trial.schema.json', { ...records[0], verdict: 'fine' })).toBe(false)
    expect(ajv.validate('trial.schema.json', { ...records[0], metrics: { totalSeconds: 1 } })).toBe(false)
    expect(report).toMatchObject({
      run: { plannedTrials: 12, finishedTrials: 12, baseline: 'docker-commit' },
      environment: { provider: 'namespaces', machine: { cores: 2 } },
    })
  })

  test('is written into the run folder, the same as on the terminal, and again the same', async () => {
    const files = await writeReports(run)
    expect(files.map((file) => file.slice(run.length))).toEqual([
      '/report/comparison.md',
      '/report/comparison.csv',
      '/report/report.json',
    ])
    const read = () => Promise.all(files.map((file) => readFile(file, 'utf8')))
    const first = await read()
    expect(first[0]).toBe(await renderReport(run, 'markdown', terminal))
    expect(first[1]).toBe(await renderReport(run, 'csv', terminal))
    expect(first[2]).toBe(await renderReport(run, 'json', terminal))
    await writeReports(run)
    expect(await read()).toEqual(first)
  })

  test('of a run that was just begun has no rows and says how to go on', async () => {
    const begun = join(folder, 'begun')
    await cp(stored, begun, { recursive: true })
    await writeFile(join(begun, 'trials.jsonl'), '')
    expect(await renderReport(begun, 'table', terminal)).toContain(
      `12 planned trials are not done yet: run testbed resume ${begun}`,
    )
    expect((await renderReport(begun, 'csv', terminal)).split('\r\n')).toHaveLength(2)
    const ajv = await schemas()
    const report: unknown = JSON.parse(await renderReport(begun, 'json', terminal))
    expect(ajv.validate('report.schema.json', report), ajv.errorsText()).toBe(true)
  })
})

describe('runs compared', () => {
  let faster: string

  beforeAll(async () => {
    faster = join(folder, '2026-11-23T01-04-09-aaaa')
    await cp(stored, faster, { recursive: true })
    const records = await readRecords(join(stored, 'trials.jsonl'))
    const halved = records
      .filter((record) => !(record.toolchain === 'docker-checkpoint' && record.workload === 'redis'))
      .map((record) => ({
        ...record,
        metrics: Object.fromEntries(
          Object.entries(record.metrics).map(([name, value]) => [name, Number(value) / 2]),
        ),
      }))
    await writeFile(
      join(faster, 'trials.jsonl'),
      halved.map((record) => `${JSON.stringify(record)}\n`).join(''),
    )
    await writeFile(
      join(faster, 'environment.json'),
      JSON.stringify({ provider: 'qemu', accelerator: 'tcg' }),
    )
  })

  test('stand side by side with the ratio to the first', async () => {
    const text = await compareRuns([run, faster], 'markdown', terminal)
    const rows = text.split('\n').map((line) => line.replaceAll(/ +/g, ' '))
    expect(rows).toContain(
      '| docker-commit | counter | total time | 3.76 s [3.65, 3.81] | 1.88 s [1.82, 1.91] | 0.50× [0.48, 0.52] |',
    )
    expect(rows).toContain('| docker-checkpoint | redis | ok | 2 of 3 | – | – |')
    expect(text).toContain('measured on different accelerators')
  })

  test('as JSON: null where a run has no such cell, 1 for the first', async () => {
    const { cells } = JSON.parse(await compareRuns([run, faster], 'json', terminal))
    expect(cells).toHaveLength(4)
    expect(cells[3].runs[1]).toBeNull()
    expect(cells[0].runs[0].ratioToFirst.totalMs).toEqual({ median: 1, low: 1, high: 1, n: 3 })
    expect(cells[0].runs[1].ratioToFirst.totalMs.median).toBe(0.5)
  })

  test('as CSV: a row for each cell, metric and run', async () => {
    const lines = (await compareRuns([run, faster], 'csv', terminal)).split('\r\n')
    expect(lines[0]).toBe('toolchain,workload,run,metric,median,low,high,n,ratio,ratioLow,ratioHigh')
    expect(
      lines.filter((line) => line.startsWith('docker-commit,counter,2026-11-23T01-04-09-aaaa,totalMs,')),
    ).toEqual([expect.stringContaining(',3,0.5,')])
  })

  test('names the folder that is no run', async () => {
    await expect(compareRuns([run, join(folder, 'nothing')], 'table', terminal)).rejects.toMatchObject({
      message: 'not a run folder',
    })
  })
})
