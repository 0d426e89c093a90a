import path from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../src/core/time.ts'
import { createTimeline } from '../../src/toolchains/timeline.ts'
import { prepareMove } from '../support/prepare-move.ts'
import { describeOnHosts } from '../support/requirements.ts'
import { bringUpHere, type TestbedHere } from '../support/running-testbed.ts'

const never = new AbortController().signal

describeOnHosts('a client that forgets where the address is', () => {
  let testbed: TestbedHere

  beforeAll(async () => {
    testbed = await bringUpHere(51)
  })
  afterAll(() => testbed.remove())

  test('meets no half-restored container of docker-checkpoint', async () => {
    const move = await prepareMove(testbed, 'docker-checkpoint', 'counter')
    const { address, toolchain, workload, dependencies } = move
    const { stdout: route } = await execa('ip', ['-o', 'route', 'get', address])
    const [, device = ''] = / dev (\S+)/.exec(route) ?? []
    const context = move.context(...move.hosts)
    const forgetting = new AbortController()
    const forget = async () => {
      let times = 0
      for (; !forgetting.signal.aborted; times += 1) {
        await execa('ip', ['neigh', 'flush', 'dev', device, 'to', address])
        await systemClock.sleep(20, never)
      }
      return times
    }
    try {
      const deployment = await toolchain.deploy(context)
      await move.answers()
      const probe = { ratePerSecond: 100, timeoutMs: 5000, spec: workload.probe }
      const target = { host: address, port: workload.port }
      const samplesFile = path.join(context.folder, 'samples.ndjson.gz')
      const probes = await dependencies.startProbes({ ...probe, target, samplesFile }, never)
      await systemClock.sleep(500, never)
      const forgotten = forget()
      await toolchain.migrate(context, deployment, createTimeline(systemClock, systemClock.monotonicNs()))
      forgetting.abort()
      await move.answers()
      await probes.connectionTold()
      const { samples } = await probes.stop()
      expect(await forgotten).toBeGreaterThan(20)
      const outcomes = new Set(samples.map(({ outcome }) => outcome))
      expect(
        [...outcomes].filter((outcome) => ['refused', 'reset', 'wrong', 'error'].includes(outcome)),
      ).toEqual([])
      const kept = samples.filter(({ stream, outcome }) => stream === 'connection' && outcome === 'ok')
      expect(kept.length).toBeGreaterThan(25)
    } finally {
      forgetting.abort()
      await toolchain.remove(context)
    }
  })
})
