import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Host } from '../../src/hosts/host.ts'
import { checkLink, clearLinks, setLink } from '../../src/hosts/link.ts'
import type { SshHost } from '../../src/hosts/ssh-host.ts'
import { readFacts } from '../../src/provision/facts.ts'
import { openReceiver } from '../../src/transfer/tcp.ts'
import { describeOnHosts } from '../support/requirements.ts'
import { expectExit, makeTestbedFolder, type TestbedFolder } from '../support/testbed-folder.ts'

const never = new AbortController().signal

describeOnHosts('conditions of links', () => {
  let testbed: TestbedFolder
  let hosts: readonly [SshHost, SshHost]

  beforeAll(async () => {
    testbed = await makeTestbedFolder(47)
    expectExit(await testbed.run('up'), 0)
    hosts = [await testbed.connect('host-a'), await testbed.connect('host-b')]
  })
  afterAll(async () => {
    for (const host of hosts) host.close()
    await testbed.remove()
  })

  const disciplines = async (host: Host) =>
    (await host.run({ argv: ['tc', 'qdisc', 'show'] })).stdout
      .split('\n')
      .filter((line) => line.includes('7e5'))

  /** Of so many zeros from host to host, as a checkpoint goes. */
  async function transferMs(bytes: number): Promise<number> {
    const [source, destination] = hosts
    const receiver = await openReceiver(destination, source, ['cat'])
    const began = performance.now()
    const produce = ['head', '-c', String(bytes), '/dev/zero'] as const
    expect(await receiver.receiveFrom(source, produce, never)).toEqual({ bytes })
    return performance.now() - began
  }

  test('a transfer takes the time that its rate says, and is fast again afterwards', async () => {
    const bytes = 40_000_000
    const took: Record<string, number> = {}
    for (const [name, rateBitsPerSecond] of [
      ['100Mbit', 1e8],
      ['1Gbit', 1e9],
    ] as const) {
      for (const host of hosts) {
        await setLink(host, 'mgmt', { rateBitsPerSecond }, never)
        await checkLink(host, 'mgmt', { rateBitsPerSecond }, never)
      }
      took[name] = await transferMs(bytes)
    }
    for (const host of hosts) {
      await expect(checkLink(host, 'mgmt', { rateBitsPerSecond: 2e9 }, never)).rejects.toThrow('not in force')
      await clearLinks(host, never)
      expect(await disciplines(host)).toEqual([])
    }
    const free = await transferMs(bytes)
    process.stderr.write(
      `40 MB: ${Math.round(took['100Mbit'] ?? 0)} ms at 100 Mbit/s, ${Math.round(took['1Gbit'] ?? 0)} ms at 1 Gbit/s, ${Math.round(free)} ms unlimited\n`,
    )
    // 3200 and 320 ms on the wire; headers add 5 %, starting and ending the commands a few hundred milliseconds.
    expect(took['100Mbit']).toBeGreaterThan(3100)
    expect(took['100Mbit']).toBeLessThan(5500)
    expect(took['1Gbit']).toBeGreaterThan(310)
    expect(took['1Gbit']).toBeLessThan((took['100Mbit'] ?? 0) / 2)
  })

  test('on the service network it is the way out of the bridge', async () => {
    const [host] = hosts
    await setLink(host, 'service', { rateBitsPerSecond: 1e8 }, never)
    expect(await disciplines(host)).toEqual([expect.stringMatching(/^qdisc tbf 7e57: dev service0 root /)])
    await clearLinks(host, never)
  })

  test('delay and loss, where the kernel has netem', async (context) => {
    const [host] = hosts
    const { queueDisciplines } = await readFacts(host, never)
    if (!queueDisciplines.includes('netem')) return context.skip('the kernel of this machine has no netem')
    const conditions = { rateBitsPerSecond: 1e8, delayMs: 20, lossShare: 0.01 }
    await setLink(host, 'mgmt', conditions, never)
    await checkLink(host, 'mgmt', conditions, never)
    await clearLinks(host, never)
    expect(await disciplines(host)).toEqual([])
  })

  test('a run sets them for its trials, lifts them, and mends what was left', async () => {
    await writeFile(
      path.join(testbed.path, 'slow.yaml'),
      `name: slow
axes: { toolchain: docker-commit, workload: hello, mgmtRate: [100Mbit] }
include: [{ toolchain: docker-commit, workload: hello, mgmtRate: 1Gbit, serviceDelay: 5ms }]
link: { service: { rate: 1Gbit } }
repetitions: 1
windows: { warmUp: 200ms, baseline: 500ms, settle: 500ms }
`,
    )
    const { stdout } = expectExit(await testbed.run('run', 'slow.yaml', '--json'), 0)
    const report = JSON.parse(stdout) as {
      environment: { link?: string }
      trials: { verdict: string; factors: Record<string, string>; cause?: { message: string } }[]
    }
    expect(report.environment.link).toBe('service 1Gbit')
    const delayed = report.trials.find(({ factors }) => factors.serviceDelay !== undefined)
    const slow = report.trials.find(({ factors }) => factors.mgmtRate === '100Mbit')
    expect(slow?.verdict).toBe('ok')
    if (delayed?.verdict !== 'ok') {
      expect(delayed?.verdict).toBe('unsupported')
      expect(delayed?.cause?.message).toMatch(
        /^host-a lacks kernel:netem: kernel \S+ has no queueing discipline/,
      )
    }
    const steps = await readFile(
      path.join(testbed.path, 'results/slow/latest/trials', '001-b1-hello-docker-commit', 'timeline.json'),
      'utf8',
    ).catch(() =>
      readFile(
        path.join(testbed.path, 'results/slow/latest/trials/002-b1-hello-docker-commit/timeline.json'),
        'utf8',
      ),
    )
    expect(steps).toMatch(/"link"[\s\S]*"unlink"/)
    for (const name of ['host-a', 'host-b']) {
      const host = await testbed.connect(name)
      expect(await disciplines(host)).toEqual([])
      host.close()
    }
  })
})
