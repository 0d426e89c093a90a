import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TrialRecord } from '../../src/results/record.ts'
import { describeOnHosts } from '../support/requirements.ts'
import { makeTestbedFolder, type TestbedFolder } from '../support/testbed-folder.ts'

/** Every way of taking volumes along, and one that cannot. */
const experiment = `name: volumes
axes:
  toolchain: [flocker-volume, docker-checkpoint, podman-checkpoint, runc-stop-copy, runc-postcopy, docker-commit]
  workload: files
include:
  - { toolchain: flocker-volume, workload: postgres, stateSize: 16MiB }
  - { toolchain: docker-checkpoint, workload: postgres, stateSize: 16MiB }
  - { toolchain: flocker-volume, workload: redis-aof, stateSize: 16MiB }
  - { toolchain: flocker-volume, workload: counter }
repetitions: 1
windows: { warmUp: 200ms, baseline: 1s, settle: 1s }
probe: { rate: 50/s }
`

describeOnHosts('workloads with volumes', () => {
  let testbed: TestbedFolder
  let records: readonly TrialRecord[]

  beforeAll(async () => {
    testbed = await makeTestbedFolder(64)
    await writeFile(path.join(testbed.path, 'volumes.yaml'), experiment)
    await testbed.run('run', 'volumes.yaml', '--keep')
    const journal = await readFile(path.join(testbed.path, 'results/volumes/latest/trials.jsonl'), 'utf8')
    records = journal
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as TrialRecord)
  }, 600_000)
  afterAll(() => testbed.remove())

  const of = (toolchain: string, workload: string) => {
    const record = records.find((one) => one.toolchain === toolchain && one.workload === workload)
    if (record === undefined) throw new Error(`no trial of ${toolchain} with ${workload}`)
    return record
  }
  /** This machine may have been too busy to measure; the move itself has no such excuse. */
  const expectMoved = (record: TrialRecord, state: Partial<TrialRecord['state']>) => {
    if (record.verdict === 'invalid') return
    expect({ verdict: record.verdict, cause: record.cause }).toEqual({ verdict: 'ok', cause: undefined })
    expect(record.state).toMatchObject(state)
  }

  test.each(['docker-checkpoint', 'podman-checkpoint', 'runc-stop-copy', 'runc-postcopy'])(
    '%s takes volumes along with memory and connections',
    (toolchain) => {
      const record = of(toolchain, 'files')
      expectMoved(record, { memory: 'kept', files: 'kept', connections: 'kept' })
      const phases = record.phases.map(({ name }) => name)
      expect(phases).toEqual(expect.arrayContaining(['push', 'volume', 'tidy']))
      expect(record.state.findings.join('\n')).toMatch(/manifest: all \d+ files have the content/)
    },
  )

  test.each(['files', 'postgres', 'redis-aof'])(
    'flocker-volume keeps what %s has committed, and nothing else',
    (workload) => {
      expectMoved(of('flocker-volume', workload), { memory: 'lost', files: 'kept', connections: 'lost' })
    },
  )

  test('a database is moved with its memory, where root may dump the processes of another user', () => {
    const record = of('docker-checkpoint', 'postgres')
    if (record.verdict === 'unsupported') {
      expect(record.cause?.message).toMatch(
        /^host-a lacks cap_sys_resource: processes of postgres are not root's/,
      )
    } else expectMoved(record, { memory: 'kept', files: 'kept', connections: 'kept' })
  })

  test('what would lose a volume, or has none, is unsupported', () => {
    expect(of('docker-commit', 'files')).toMatchObject({
      verdict: 'unsupported',
      cause: { message: expect.stringContaining('docker:volumes') },
    })
    expect(of('flocker-volume', 'counter')).toMatchObject({
      verdict: 'unsupported',
      cause: { message: expect.stringContaining('counter has no volumes') },
    })
  })

  test('nothing is left: no trial found residue of the one before, and no host has a copy', async () => {
    const left = records.flatMap(({ warnings }) => warnings ?? []).filter((line) => /left|reset/.test(line))
    expect(left).toEqual([])
    for (const name of ['host-a', 'host-b']) {
      const host = await testbed.connect(name)
      const { stdout } = await host.run({
        argv: [
          'sh',
          '-c',
          'ls /run/migration-testbed-volumes; find /var/lib/migration-testbed/volumes -name record',
        ],
      })
      host.close()
      expect(stdout).toBe('')
    }
  })
})
