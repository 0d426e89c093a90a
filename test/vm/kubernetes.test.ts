import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { packageRoot } from '../../src/config/paths.ts'
import type { TrialRecord } from '../../src/results/record.ts'
import { lacksGo, withCluster } from '../support/cluster.ts'
import { describeOnHosts, lacks } from '../support/requirements.ts'
import { expectExit, makeTestbedFolder, type TestbedFolder } from '../support/testbed-folder.ts'

// Kernels and control groups of their own, those of the second version: nothing of a node is this machine's.
describeOnHosts(
  'a cluster of two machines of QEMU',
  () => {
    let testbed: TestbedFolder
    beforeAll(async () => {
      const settings = `image: debian-13\nvm: { memory: 3GiB, cpus: 2 }\n${withCluster}\n`
      testbed = await makeTestbedFolder(78, 2, { provider: 'qemu', settings })
    })
    afterAll(() => testbed.remove())

    test(
      'comes up, and a pod of the counter is rescheduled from one to the other',
      async () => {
        // The experiment as it is for namespace hosts, one trial of it, with less asked of an emulated client.
        const text = await readFile(path.join(packageRoot, 'experiments', 'kubernetes.yaml'), 'utf8')
        await writeFile(path.join(testbed.path, 'kubernetes.yaml'), text.replace(/^probe:\n.*\n/m, ''))
        const only = ['--only', 'toolchain=kubernetes-reschedule,workload=counter', '--repetitions', '1']
        const began = performance.now()
        const run = await testbed.run('run', 'kubernetes.yaml', '--keep', ...only)
        const journal = path.join(testbed.path, 'results', 'kubernetes', 'latest', 'trials.jsonl')
        const kept = await readFile(journal, 'utf8').catch(() => undefined)
        if (kept === undefined) expectExit(run, 0)
        const [line = ''] = (kept ?? '').split('\n')
        const { verdict, cause, phases, metrics } = JSON.parse(line) as TrialRecord
        const seconds = ((performance.now() - began) / 1000).toFixed(0)
        process.stderr.write(`${seconds} s; ${JSON.stringify({ verdict, cause, metrics, phases })}\n`)
        expect(verdict, `${JSON.stringify(cause)}\n${run.stderr.slice(-4000)}`).toBe('ok')
        expectExit(run, 0)
      },
      90 * 60_000,
    )

    test('has every node Ready afterwards', async () => {
      const jsonpath =
        '{range .items[*]}{.metadata.name}={.status.conditions[?(@.type=="Ready")].status} {end}'
      const asked = testbed.startPlain(
        undefined,
        ...(['kubectl', '--testbed', testbed.file, 'get', 'nodes', '-o', `jsonpath=${jsonpath}`] as const),
      )
      expect(expectExit(await asked.ended, 0).stdout.trim()).toBe('host-a=True host-b=True')
    })
  },
  (await lacks('qemu')) ?? (await lacksGo()),
)
