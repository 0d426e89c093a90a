import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { projectFolders } from '../../src/config/paths.ts'
import { loadWorkload } from '../../src/config/workload.ts'
import { systemClock } from '../../src/core/time.ts'
import { realDependencies } from '../../src/experiments/defaults.ts'
import { cacheFolder } from '../../src/testbed/state.ts'
import { toolchains } from '../../src/toolchains/all.ts'
import { createTimeline } from '../../src/toolchains/timeline.ts'
import type { TrialContext } from '../../src/toolchains/toolchain.ts'
import { describeOnHosts } from '../support/requirements.ts'
import { bringUpHere, type TestbedHere } from '../support/running-testbed.ts'
import { httpStream, openStream, type Protocol, redisStream } from './stream.ts'

const moves = 20
const never = new AbortController().signal
const cases: readonly (readonly [toolchain: string, workload: string, protocol: Protocol])[] = [
  ['runc-stop-copy', 'redis', redisStream],
  ['runc-postcopy', 'redis', redisStream],
  ['runc-stop-copy', 'counter', httpStream],
  ['runc-postcopy', 'counter', httpStream],
]

describeOnHosts(`one connection and ${moves} moves to and fro`, () => {
  let testbed: TestbedHere

  beforeAll(async () => {
    testbed = await bringUpHere(51)
  })
  afterAll(() => testbed.remove())

  test.each(cases)(
    '%s keeps it with %s: no reset, no lost or repeated number',
    async (name, of, protocol) => {
      const toolchain = toolchains.find((one) => one.name === name)
      const [first, second] = testbed.running.hosts
      if (toolchain === undefined || first === undefined || second === undefined)
        throw new Error(`no ${name}`)
      const { value: workload } = await loadWorkload(path.join(projectFolders.workloads, of))
      const dependencies = realDependencies(cacheFolder())
      const image = await dependencies.prepareImage(workload, { progress: () => undefined, signal: never })
      for (const host of [first, second]) {
        await dependencies.loadImage(host, image, never)
        await toolchain.prepare?.(host, image, never)
      }
      const folder = path.join(testbed.folder.path, name)
      await mkdir(folder, { recursive: true })
      const { workloadAddress, workloadMac } = (await testbed.folder.resolved()).networks.service
      const service = { address: workloadAddress, mac: workloadMac, port: workload.port }
      const common = { trial: 'moves', workload, image, service, factors: {}, folder, patience: 1 }
      const context = (source: typeof first, destination: typeof first): TrialContext => ({
        ...common,
        source,
        destination,
        clock: systemClock,
        signal: never,
      })
      let here = context(first, second)
      let deployment = await toolchain.deploy(here)
      await dependencies.waitUntilAnswering(
        deployment.address,
        workload.probe,
        workload.readyTimeoutMs,
        never,
      )
      const stream = openStream(workloadAddress, workload.port, protocol, 10)
      try {
        const outages: number[] = []
        for (let move = 1; move <= moves; move += 1) {
          await systemClock.sleep(200, never) // in the middle of a conversation
          const before = stream.answered
          const timeline = createTimeline(systemClock, systemClock.monotonicNs())
          ;({ deployment } = await toolchain.migrate(here, deployment, timeline))
          await stream.pause(30_000)
          expect(stream.faults, `move ${move}`).toEqual([])
          expect(stream.answered, `move ${move}: all that was sent`).toBe(stream.sent)
          outages.push(stream.answered - before)
          stream.resume()
          here = context(here.destination, here.source)
        }
        expect(deployment.host.name).toBe(first.name)
        expect(Math.min(...outages)).toBeGreaterThan(0)
        process.stderr.write(
          `${name}, ${of}: ${moves} moves, ${stream.answered} requests on one connection\n`,
        )
      } finally {
        stream.close()
        await toolchain.remove(here)
      }
    },
  )
})
