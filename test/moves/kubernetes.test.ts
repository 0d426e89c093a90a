import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../src/core/time.ts'
import { createTimeline } from '../../src/toolchains/timeline.ts'
import type { TrialContext } from '../../src/toolchains/toolchain.ts'
import { lacksGo, withCluster } from '../support/cluster.ts'
import { prepareMove } from '../support/prepare-move.ts'
import { describeOnHosts, lacks } from '../support/requirements.ts'
import { bringUpHere, type TestbedHere } from '../support/running-testbed.ts'

const moves = 20
const kubectl = [
  '/usr/local/lib/migration-testbed/kubernetes/bin/kube',
  'kubectl',
  '--kubeconfig',
  '/etc/migration-testbed/kubernetes/client.conf',
] as const

interface Answer {
  readonly identity: string
  readonly count: number
}

interface Pods {
  readonly items: readonly {
    readonly metadata: { readonly name: string }
    readonly spec: { readonly nodeName: string; readonly containers: readonly { readonly image: string }[] }
    readonly status: {
      readonly phase: string
      readonly containerStatuses?: readonly { readonly restartCount: number }[]
    }
  }[]
}

/** On a connection of its own. */
async function askOnce(host: string, port: number): Promise<Answer> {
  const request = get({ host, port, agent: false })
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  return JSON.parse((await response.setEncoding('utf8').toArray()).join('')) as Answer
}

describeOnHosts(
  `one pod and ${moves} moves to and fro`,
  () => {
    let testbed: TestbedHere

    beforeAll(async () => {
      testbed = await bringUpHere(52, withCluster)
    }, 20 * 60_000)
    afterAll(() => testbed.remove())

    test.each(['kubernetes-checkpoint', 'kubernetes-checkpoint-fast'])(
      '%s: the counter never goes back, and nothing is restored twice',
      async (name) => {
        const move = await prepareMove(testbed, name, 'counter')
        const { toolchain, workload } = move
        const [, control] = move.hosts
        const pods = async () => {
          const { stdout } = await control.run({ argv: [...kubectl, 'get', 'pods', '-o', 'json'] })
          return (JSON.parse(stdout) as Pods).items
        }
        let moved = 0
        const ask = () =>
          askOnce(move.address, workload.port).catch((error: unknown) => {
            throw new Error(`after ${moved} moves`, { cause: error })
          })
        let here: TrialContext = move.context(...move.hosts)
        let deployment = await toolchain.deploy(here)
        try {
          await move.answers()
          let before = await ask()
          const { identity } = before
          const images = new Set<string>()
          for (let count = 1; count <= moves; count += 1) {
            // More requests than one: where a state that is restored twice would show.
            for (let n = 0; n < 5; n += 1) before = await ask()
            const timeline = createTimeline(systemClock, systemClock.monotonicNs())
            ;({ deployment } = await toolchain.migrate(here, deployment, timeline))
            moved = count
            await move.answers()
            const after = await ask()
            expect(after.identity, `move ${count}`).toBe(identity)
            expect(after.count, `move ${count}`).toBeGreaterThanOrEqual(before.count)
            before = after
            const [pod, ...more] = await pods()
            expect(more).toEqual([])
            expect(pod?.spec.nodeName).toBe(here.destination.name)
            expect(pod?.metadata.name).toBe(deployment.container)
            if (name === 'kubernetes-checkpoint') images.add(pod?.spec.containers[0]?.image ?? '')
            here = move.context(here.destination, here.source)
          }
          if (name === 'kubernetes-checkpoint') expect(images.size).toBe(moves)
          // Its end is its end: nobody begins anew from what was restored last.
          await deployment.host.run({ argv: ['kill', '-9', String(deployment.pid)] })
          await expect
            .poll(async () => (await pods()).map(({ status }) => status.phase), { timeout: 20_000 })
            .toEqual(['Failed'])
          await systemClock.sleep(5_000)
          const [ended] = await pods()
          expect(ended?.status.phase).toBe('Failed')
          expect(ended?.status.containerStatuses?.[0]?.restartCount).toBe(0)
        } finally {
          await toolchain.remove(here)
        }
      },
      20 * 60_000,
    )
  },
  (await lacks('namespaces')) ?? (await lacksGo()),
)
