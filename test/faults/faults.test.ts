import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { projectFolders } from '../../src/config/paths.ts'
import { loadWorkload } from '../../src/config/workload.ts'
import { realDependencies } from '../../src/experiments/defaults.ts'
import { planExperiment } from '../../src/experiments/plan.ts'
import { runExperiment } from '../../src/experiments/runner.ts'
import { selectProvider } from '../../src/providers/select.ts'
import type { TrialRecord } from '../../src/results/record.ts'
import { cacheFolder } from '../../src/testbed/state.ts'
import { toolchains } from '../../src/toolchains/all.ts'
import { describeOnHosts } from '../support/requirements.ts'
import { bringUpHere, type TestbedHere } from '../support/running-testbed.ts'
import { criuWorks, lurk, onHost, type Sabotage, sabotaged } from './saboteur.ts'

const deadlineMs = 90_000
const bundleImages = '/run/migration-testbed/images'
const pageServerPort = 27027
const never = new AbortController().signal

interface Fault {
  readonly name: string
  readonly sabotage: Sabotage
  /** In the cause of the failure. */
  readonly says: RegExp
  /** Whether CRIU allows the workload to go on at the source; undefined where it depends on the moment. */
  readonly answers?: boolean
}

describeOnHosts('faults', () => {
  let testbed: TestbedHere

  beforeAll(async () => {
    testbed = await bringUpHere(49)
  })
  afterAll(() => testbed.remove())

  /** Two trials, the first of them sabotaged. */
  async function run(name: string, sabotage: Sabotage): Promise<readonly TrialRecord[]> {
    const toolchain = toolchains.find((one) => one.name === name)
    const { running, folder } = testbed
    if (toolchain === undefined) throw new Error(`${name} cannot be run`)
    const { value: workload } = await loadWorkload(path.join(projectFolders.workloads, 'redis'))
    const plan = planExperiment({
      experiment: {
        name: 'faults',
        file: 'faults.yaml',
        axes: [
          { name: 'toolchain', values: [name] },
          { name: 'workload', values: ['redis'] },
        ],
        include: [],
        exclude: [],
        repetitions: 2,
        windows: { warmUpMs: 200, baselineMs: 1000, settleMs: 1000 },
        deadlineMs,
        probe: { ratePerSecond: 50, timeoutMs: 5000 },
      },
      testbed: running.testbed,
      workloads: [workload],
      drawSeed: () => 1,
      now: new Date(),
    })
    const resultsFolder = path.join(folder.path, 'results')
    await mkdir(resultsFolder, { recursive: true })
    const { records } = await runExperiment({
      plan,
      resultsFolder,
      testbed: running,
      toolchains: [sabotaged(toolchain, sabotage)],
      dependencies: realDependencies(cacheFolder()),
      progress: () => undefined,
      signal: never,
    })
    return records
  }

  const linkCut: Fault = {
    name: 'the link is cut during the transfer',
    sabotage: async ({ source, destination }) => {
      const rule = `nft 'add rule inet sabotage out ip daddr ${destination.address} drop'`
      const table =
        "nft 'add table inet sabotage; add chain inet sabotage out { type filter hook output priority 0; }'"
      const stop = await lurk(source, `${table}; ${criuWorks('dump')}; ${rule}`)
      return async () => {
        await stop()
        await onHost(source, 'nft delete table inet sabotage')
      }
    },
    says: /transfer|timed out|connection|received/i,
    answers: true,
  }
  const killCriu = (side: 'dump' | 'restore', answers?: boolean): Fault => ({
    name: `CRIU is killed during the ${side}`,
    sabotage: ({ source, destination }) =>
      lurk(side === 'dump' ? source : destination, `${criuWorks(side)}; kill -9 $(pgrep -x criu)`),
    says: new RegExp(side === 'dump' ? 'checkpoint|dump' : 'restore|start'),
    ...(answers === undefined ? {} : { answers }),
  })
  const hostKilled: Fault = {
    name: 'the destination host is killed',
    sabotage: async ({ source, destination }) => {
      const { provider } = await selectProvider('namespaces', testbed.folder.context())
      const seen = onHost(source, criuWorks('dump')).then(() => provider.kill(destination.name))
      return () => seen
    },
    says: /host-b|SSH|connection/,
    answers: true,
  }
  const diskFull = (mountPoint: string): Fault => ({
    name: 'the disk of the destination is full',
    sabotage: async ({ destination }) => {
      await onHost(destination, `mkdir -p ${mountPoint} && mount -t tmpfs -o size=1m none ${mountPoint}`)
      return () => onHost(destination, `umount -l ${mountPoint}`)
    },
    says: /No space left/,
    answers: true,
  })

  /** The bundle's images lie on a file system of their own, which is mounted while the destination is prepared. */
  const tmpfsFull: Fault = {
    name: 'the disk of the destination is full',
    sabotage: ({ destination }) =>
      lurk(
        destination,
        `until mountpoint -q ${bundleImages}; do sleep 0.01; done; mount -o remount,size=1m ${bundleImages}`,
      ),
    says: /No space left/,
    answers: true,
  }
  const portTaken: Fault = {
    name: "the page server's port is taken",
    sabotage: ({ destination }) => lurk(destination, `socat -u TCP4-LISTEN:${pageServerPort},fork STDOUT`),
    says: new RegExp(`page server.*${pageServerPort}`),
    answers: true,
  }

  const cases: Readonly<Record<string, readonly Fault[]>> = {
    'podman-checkpoint': [
      diskFull('/var/tmp/migration-testbed'),
      linkCut,
      killCriu('dump'),
      killCriu('restore', true),
      hostKilled,
    ],
    'docker-checkpoint': [linkCut, killCriu('dump'), killCriu('restore', true), hostKilled],
    'runc-stop-copy': [tmpfsFull, linkCut, killCriu('dump'), killCriu('restore', true), hostKilled],
    'runc-diskless': [portTaken, linkCut],
  }
  describe.each(Object.entries(cases))('%s', (toolchain, faults) => {
    test.each(faults)('$name', async ({ sabotage, says, answers }) => {
      const [first, second] = await run(toolchain, sabotage)
      expect(first).toMatchObject({ verdict: 'failed' })
      const told = [first?.cause?.message, ...(first?.cause?.why ?? [])].join('\n')
      expect(told).toMatch(says)
      expect(told).toMatch(/the workload (still answers|answers no more)/)
      if (answers === true) expect(told).toContain('the workload still answers')
      expect(first?.durationMs).toBeLessThan(deadlineMs)
      const { cause, warnings } = second ?? {}
      expect(second, JSON.stringify({ cause, warnings })).toMatchObject({ verdict: 'ok' })
    })
  })
})
