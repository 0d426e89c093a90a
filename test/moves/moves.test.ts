import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../src/core/time.ts'
import { createTimeline } from '../../src/toolchains/timeline.ts'
import { prepareMove } from '../support/prepare-move.ts'
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
      const move = await prepareMove(testbed, name, of)
      const { toolchain } = move
      let here = move.context(...move.hosts)
      let deployment = await toolchain.deploy(here)
      await move.answers()
      const stream = openStream(move.address, move.workload.port, protocol, 10)
      try {
        const outages: number[] = []
        for (let count = 1; count <= moves; count += 1) {
          await systemClock.sleep(200, never) // in the middle of a conversation
          const before = stream.answered
          const timeline = createTimeline(systemClock, systemClock.monotonicNs())
          ;({ deployment } = await toolchain.migrate(here, deployment, timeline))
          await stream.pause(30_000)
          expect(stream.faults, `move ${count}`).toEqual([])
          expect(stream.answered, `move ${count}: all that was sent`).toBe(stream.sent)
          outages.push(stream.answered - before)
          stream.resume()
          here = move.context(here.destination, here.source)
        }
        expect(deployment.host.name).toBe(move.hosts[0].name)
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
