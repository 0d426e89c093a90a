import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TrialRecord } from '../../src/results/record.ts'
import { describeOnHosts } from '../support/requirements.ts'
import { expectExit, makeTestbedFolder, type TestbedFolder } from '../support/testbed-folder.ts'

/** The redis that moves is written to all the while. */
const experiment = `name: podman
axes: { toolchain: [podman-checkpoint, podman-precopy], workload: counter }
include:
  - { toolchain: podman-checkpoint, workload: redis, stateSize: 16MiB, dirtyRate: 4MiB/s }
  - { toolchain: podman-checkpoint, workload: counter, dirtyRate: 4MiB/s }
repetitions: 1
windows: { warmUp: 200ms, baseline: 1s, settle: 1s }
probe: { rate: 100/s }
`

describeOnHosts('podman', () => {
  let testbed: TestbedFolder

  beforeAll(async () => {
    testbed = await makeTestbedFolder(50)
    await writeFile(path.join(testbed.path, 'podman.yaml'), experiment)
  })
  afterAll(() => testbed.remove())

  test('moves a counter, and a Redis that is written to, with their connections', async () => {
    expectExit(await testbed.run('run', 'podman.yaml', '--keep'), 0)
    const journal = path.join(testbed.path, 'results/podman/latest/trials.jsonl')
    const records = (await readFile(journal, 'utf8'))
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as TrialRecord)
    const of = (toolchain: string, workload: string, dirtyRate?: string) =>
      records.find(
        (one) =>
          one.toolchain === toolchain && one.workload === workload && one.factors.dirtyRate === dirtyRate,
      )
    for (const record of [of('podman-checkpoint', 'counter'), of('podman-checkpoint', 'redis', '4MiB/s')]) {
      expect(record).toMatchObject({ verdict: 'ok', connection: 'survived' })
      expect(record?.metrics.frozenMs).toBeGreaterThan(0)
    }
    expect(of('podman-checkpoint', 'counter', '4MiB/s')).toMatchObject({
      verdict: 'unsupported',
      cause: { message: expect.stringContaining('workload:state') },
    })
    const precopy = of('podman-precopy', 'counter')
    const { verdict, cause } = precopy ?? {}
    // Whether this machine's kernel tracks dirty pages decides.
    if (verdict === 'unsupported') expect(cause?.message).toContain('soft-dirty')
    else expect(precopy).toMatchObject({ verdict: 'ok', connection: 'survived' })
  })
})
