import { allEnded } from '../../core/all-ended.ts'
import { estimateClockOffset } from '../../hosts/clock-offset.ts'
import type { Host } from '../../hosts/host.ts'
import { explainFailure } from '../criu-failure.ts'
import { addCriuFigures, clearCriuWork } from '../criu-work.ts'
import { goOnAtSource } from '../go-on.ts'
import { lackingAt } from '../lacking.ts'
import { lacksForOtherUsers } from '../other-users.ts'
import type { Deployment, Toolchain, TrialContext } from '../toolchain.ts'
import { followArrival } from './arrive.ts'
import { type Cluster, runScript, withCluster } from './cluster.ts'
import { deploymentOf, imageIn, lacksCluster, loadImage, removeAll, takeAddress } from './deploy.ts'
import { type ApiObject, barePod, pathOf, pick, service, serviceName } from './objects.ts'
import { doesNotRun, openView, type Pod, runningContainer } from './view.ts'

/** For what reads or sends the whole state: as long as its bytes take. */
export const stateMs = 10 * 60_000

/**
 * The kubelet's own way: its checkpoint API writes an archive, which is made an image in the registry of the cluster, and a pod of that
 * image goes on from it on the other node. The source's container takes no more requests from before the checkpoint on, and is frozen
 * after it, so that nothing that it does is lost. Memory and files are kept; connections are not, since a pod has another address there.
 */
export const kubernetesCheckpoint: Toolchain = {
  name: 'kubernetes-checkpoint',
  keeps: { memory: true, connections: false, files: true },
  supports: (source, destination, workload) =>
    lacksCheckpoints(source, destination, workload) ??
    (workload.volumes === undefined
      ? undefined
      : {
          feature: 'kubelet:checkpoint-volumes',
          at: 'source',
          message:
            'the kubelet lets a container run on after its checkpoint: its volumes would be ahead of its memory',
        }),
  prepare: loadImage,
  deploy: deployPod,
  migrate: (context, { container: old }, timeline) =>
    withCluster(context, async (cluster) => {
      const { source, clock } = context
      const view = await openView(cluster, context)
      const name = newPodName(context)
      let frozen: string | undefined
      try {
        const { id, ip, offset } = await timeline.phase('stage', async () => {
          const pod = await view.until('the pod', ({ pods }) =>
            pods.find(({ metadata }) => metadata.name === old),
          )
          return { ...containerOf(pod), offset: await estimateClockOffset(source, clock) }
        })
        frozen = id
        await timeline.phase('checkpoint', async () => {
          await runScript(context, source, 'container', ['cut', ip], 'cutting the pod off')
          await checkpoint(cluster, source, old).catch((error: unknown) =>
            explainFailure(context, source, 'dump', error),
          )
        })
        const [bytes] = await allEnded([
          timeline.phase('image', async (details) => {
            const what = 'making an image of the checkpoint'
            const size = await runScript(context, source, 'checkpoint-image', [old, name], what, stateMs)
            details.bytes = Number(size)
            return details.bytes
          }),
          // It is cut off: whatever it does until then nobody sees.
          runScript(context, source, 'container', ['freeze', id], 'freezing what was checkpointed'),
        ])
        const image = imageIn(cluster, `migration-testbed/checkpoint:${name}`)
        const { workload, destination } = context
        const created = timeline.phase('create', async () => {
          await Promise.all([
            cluster.create(barePod(name, { workload, image, node: destination.name })),
            select(cluster, name),
          ])
        })
        let resumed = clock.monotonicNs()
        const arrival = followArrival(view, timeline, isCalled(name), () => {
          resumed = clock.monotonicNs()
        })
        const [pod] = await Promise.all([arrival, created])
        await timeline.phase('release', () => release(context, cluster, old, id))
        return {
          deployment: await deploymentOf(context, pod),
          transferredBytes: bytes,
          figures: () => addCriuFigures(context, timeline, { offset, resumed, restoredIn: 'start' }),
        }
      } catch (error) {
        return await goOnAtSource(
          context,
          error,
          async () => {
            await letGoOn(context, cluster, name, frozen)
            await select(cluster, old)
          },
          'as if nothing had been',
        )
      }
    }),
  remove: removeAll,
}

/** By the API of the kubelet; the archive stays on its host. */
async function checkpoint(cluster: Cluster, { name }: Host, pod: string): Promise<void> {
  await cluster.request({
    method: 'POST',
    path: `${pathOf('Node', name)}/proxy/checkpoint/default/${pod}/workload`,
    what: 'the checkpoint by the kubelet',
    withinMs: stateMs,
  })
}

/** What both ways of checkpoints need. */
export function lacksCheckpoints(...[source, destination, workload]: Parameters<Toolchain['supports']>) {
  return (
    lacksCluster(source, destination) ??
    lackingAt(source, destination, ({ versions }) =>
      versions.criu === undefined ? { feature: 'criu', message: 'CRIU is not installed' } : undefined,
    ) ??
    lacksForOtherUsers(source, workload)
  )
}

async function deployPod(context: TrialContext): Promise<Deployment> {
  const { workload, service: at } = context
  return await withCluster(context, async (cluster) =>
    deploymentOf(
      context,
      await startPod(context, cluster, (name) => service(workload, at.address, pick(name))),
    ),
  )
}

/** The workload as a pod of its own, on the source. @param serve makes the service that clients come by */
export async function startPod(
  context: TrialContext,
  cluster: Cluster,
  serve: (pod: string) => ApiObject,
): Promise<Pod> {
  const { source, destination, workload, image, signal } = context
  await Promise.all([source, destination].map((host) => clearCriuWork(host, signal)))
  await takeAddress(context, cluster)
  const name = newPodName(context)
  const view = await openView(cluster, context)
  const pod = barePod(name, { workload, image: imageIn(cluster, image.name), node: source.name })
  await cluster.create(serve(name), pod)
  return await view.until('a container that runs', ({ pods }) =>
    pods.find((one) => runningContainer(one) !== undefined),
  )
}

/** Never one that there was before: an image of a checkpoint is used once. */
export function newPodName({ clock }: TrialContext): string {
  return `workload-${clock.monotonicNs().toString(36)}`
}

export function isCalled(name: string) {
  return ({ metadata }: Pod) => metadata.name === name
}

/** @throws TestbedError when it does not run */
export function containerOf(pod: Pod): { readonly id: string; readonly ip: string } {
  const id = runningContainer(pod)
  const ip = pod.status.podIP
  if (id === undefined || ip === undefined) throw doesNotRun(pod)
  return { id, ip }
}

/** The source's pod goes, now that the other one serves. */
export async function release(
  context: TrialContext,
  cluster: Cluster,
  pod: string,
  id: string,
): Promise<void> {
  await runScript(context, context.source, 'container', ['kill', id], 'ending the container that was moved')
  await cluster.remove('Pod', { name: pod }, { graceSeconds: 1 })
  await cluster.gone(pathOf('Pod', pod), 30_000)
}

/** The source's pod goes on; the other one is removed. @param id of the container that may be frozen */
export async function letGoOn(
  context: TrialContext,
  cluster: Cluster,
  other: string,
  id: string | undefined,
): Promise<void> {
  await cluster.remove('Pod', { name: other }, { graceSeconds: 0 })
  if (id !== undefined)
    await runScript(context, context.source, 'container', ['go-on', id], 'letting the workload go on')
}

/** Connections of the service go to this pod from now on. */
async function select(cluster: Cluster, pod: string): Promise<void> {
  await cluster.patch('Service', serviceName, { spec: { selector: pick(pod) } })
}
