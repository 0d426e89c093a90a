import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TrialRecord } from '../../src/results/record.ts'
import { runcToolchains } from '../../src/toolchains/runc/runc.ts'
import { describeOnHosts } from '../support/requirements.ts'
import { makeTestbedFolder, type TestbedFolder } from '../support/testbed-folder.ts'

/** Each toolchain once with each workload, and once over each of the other ways. */
const experiment = `name: runc
axes: { toolchain: [${runcToolchains.map(({ name }) => name).join(', ')}], workload: [counter, redis] }
include:
  - { toolchain: runc-stop-copy, workload: redis, transfer: ssh, compression: lz4 }
  - { toolchain: runc-postcopy, workload: counter, transfer: rsync, compression: zstd }
  - { toolchain: docker-commit, workload: counter, compression: none }
repetitions: 1
windows: { warmUp: 200ms, baseline: 500ms, settle: 500ms }
probe: { rate: 100/s }
`

describeOnHosts('runc bundles', () => {
  let testbed: TestbedFolder
  let records: readonly TrialRecord[]

  beforeAll(async () => {
    testbed = await makeTestbedFolder(61)
    await writeFile(path.join(testbed.path, 'runc.yaml'), experiment)
    await testbed.run('run', 'runc.yaml')
    const journal = await readFile(path.join(testbed.path, 'results/runc/latest/trials.jsonl'), 'utf8')
    records = journal
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as TrialRecord)
  }, 300_000)
  afterAll(() => testbed.remove())

  const whole = { memory: 'kept', files: 'kept', connections: 'kept' }

  test('each moves memory, files and connections, or says what the host lacks for it', () => {
    expect(records).toHaveLength(runcToolchains.length * 2 + 3)
    for (const record of records) {
      // This machine may have been too busy to measure; the move itself has no such excuse.
      if (record.verdict === 'ok') expect(record.state).toMatchObject(whole)
      else expect(['unsupported', 'invalid'], JSON.stringify(record.cause)).toContain(record.verdict)
    }
    const able = records.filter(({ verdict }) => verdict === 'ok').map(({ toolchain }) => toolchain)
    expect(able).toEqual(expect.arrayContaining(['runc-stop-copy', 'runc-diskless', 'runc-postcopy']))
  })

  test('what cannot be done is found before it starts, with its name', () => {
    const messages = records
      .filter(({ verdict }) => verdict === 'unsupported')
      .map(({ cause }) => cause?.message ?? '')
    for (const message of messages)
      expect(message).toMatch(/^host-a lacks criu:mem_dirty_track: |^docker-commit lacks axis:compression: /)
    expect(messages).toContain('docker-commit lacks axis:compression: it has no choice there')
  })

  test('nothing is left: no trial found residue of the one before', () => {
    const left = records.flatMap(({ warnings }) => warnings ?? []).filter((line) => /left|reset/.test(line))
    expect(left).toEqual([])
  })

  test('figures of the mechanism stand with the phases', () => {
    for (const { verdict, metrics, phases } of records) {
      if (verdict !== 'ok') continue
      expect(metrics.frozenMs).toBeGreaterThan(10)
      expect(metrics.transferredBytes).toBeGreaterThan(200_000)
      const detailsOf = (wanted: string) => phases.find(({ name }) => name === wanted)?.details
      if (phases.some(({ name }) => name === 'lazy')) {
        expect(detailsOf('lazy')?.pagesLazy).toBeGreaterThan(100)
      } else {
        const figures = { pagesScanned: expect.any(Number), frozenUs: expect.any(Number) }
        expect(detailsOf('checkpoint')).toMatchObject(figures)
      }
    }
  })
})
