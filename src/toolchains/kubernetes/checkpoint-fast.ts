import { allEnded } from '../../core/all-ended.ts'
import { estimateClockOffset } from '../../hosts/clock-offset.ts'
import type { Argv } from '../../hosts/host.ts'
import { openReceiver } from '../../transfer/tcp.ts'
import { explainFailure } from '../criu-failure.ts'
import { addCriuFigures } from '../criu-work.ts'
import { goOnAtSource } from '../go-on.ts'
import { stageCommand } from '../staged-command.ts'
import type { Toolchain, TrialContext } from '../toolchain.ts'
import { packLayer, unpackLayer } from '../writable-layer.ts'
import {
  containerOf,
  isCalled,
  lacksCheckpoints,
  letGoOn,
  newPodName,
  release,
  startPod,
  stateMs,
} from './checkpoint.ts'
import { type Cluster, runScript, scriptArgv, withCluster } from './cluster.ts'
import { deploymentOf, imageIn, loadImage, removeAll } from './deploy.ts'
import { barePod, behind, directServiceName, endpointsAt, service } from './objects.ts'
import { isReady, openView, type View } from './view.ts'

/** As provision/kubernetes/names.sh has it. */
const restoring = '/run/migration-testbed-kubernetes/restore'

/**
 * The same outcome as kubernetes-checkpoint, as a kubelet could do it: the other node's pod is there before the freeze, with its sandbox,
 * address and image, and waits for a checkpoint that goes straight to its runtime. Nothing goes through an archive or a registry.
 */
export const kubernetesCheckpointFast: Toolchain = {
  name: 'kubernetes-checkpoint-fast',
  keeps: { memory: true, connections: false, files: true },
  supports: (source, destination, workload) =>
    lacksCheckpoints(source, destination, workload) ??
    (workload.volumes === undefined
      ? undefined
      : {
          feature: 'kubernetes:staged-volumes',
          at: 'destination',
          message: "a pod's volumes are mounted with its sandbox, which is before they have been handed over",
        }),
  prepare: loadImage,
  deploy: (context) =>
    withCluster(context, async (cluster) => {
      const { workload, service: at } = context
      const pod = await startPod(context, cluster, () => service(workload, at.address, 'none'))
      await cluster.create(endpointsAt(workload, containerOf(pod).ip))
      return await deploymentOf(context, pod)
    }),
  migrate: (context, { container: old }, timeline) =>
    withCluster(context, async (cluster) => {
      const { source, destination, clock, signal } = context
      const view = await openView(cluster, context)
      const name = newPodName(context)
      const open: { close(): void }[] = []
      let frozen: { readonly id: string; readonly ip: string } | undefined
      try {
        const staged = await timeline.phase('stage', () => stage(context, cluster, view, { old, name, open }))
        frozen = staged
        const redirected = timeline.phase('switch', () => redirect(cluster, staged.address))
        const moved = (async () => {
          await timeline.phase('checkpoint', () =>
            runScript(
              context,
              source,
              'container',
              ['dump', staged.id, staged.folder],
              'the checkpoint',
              stateMs,
            ).catch((error: unknown) => explainFailure(context, source, 'dump', error)),
          )
          const bytes = await timeline.phase('transfer', async (details) => {
            const all = await Promise.all(
              staged.streams.map(({ receiver, produce }) => receiver.receiveFrom(source, produce, signal)),
            )
            details.bytes = all.reduce((sum, one) => sum + one.bytes, 0)
            return details.bytes
          })
          await timeline.phase('restore', () =>
            staged.restore
              .complete()
              .catch((error: unknown) => explainFailure(context, destination, 'restore', error)),
          )
          return { bytes, resumed: clock.monotonicNs() }
        })()
        const [{ bytes, resumed }] = await allEnded([moved, redirected])
        const pod = await timeline.phase('ready', () =>
          view.until('a pod that is ready', ({ pods }) =>
            pods.find((one) => isCalled(name)(one) && isReady(one)),
          ),
        )
        await timeline.phase('release', () => release(context, cluster, old, staged.id))
        return {
          deployment: await deploymentOf(context, pod),
          transferredBytes: bytes,
          figures: () =>
            addCriuFigures(context, timeline, { offset: staged.offset, resumed, restoredIn: 'restore' }),
        }
      } catch (error) {
        const takeBack = async () => {
          await runScript(context, destination, 'container', ['let-go'], 'letting the staged restore go')
          await letGoOn(context, cluster, name, frozen?.id)
          if (frozen !== undefined) await redirect(cluster, frozen.ip)
        }
        return await goOnAtSource(context, error, takeBack, 'as if nothing had been')
      } finally {
        for (const one of open) one.close()
      }
    }),
  remove: removeAll,
}

/** Connections of the service go to the pod with this address from now on. */
async function redirect(cluster: Cluster, address: string): Promise<void> {
  await cluster.patch('EndpointSlice', directServiceName, behind(address))
}

/** The pod that waits, and open streams to where it waits for what. @param pods.open takes what has to be closed in the end */
async function stage(
  context: TrialContext,
  cluster: Cluster,
  view: View,
  pods: { readonly old: string; readonly name: string; readonly open: { close(): void }[] },
) {
  const { old, name, open } = pods
  const { source, destination, workload, image, clock } = context
  const folder = `${restoring}/${name}`
  await Promise.all(
    [source, destination].map((host) =>
      runScript(context, host, 'container', ['make', folder], 'a folder for the checkpoint'),
    ),
  )
  const pod = barePod(name, {
    workload,
    image: imageIn(cluster, image.name),
    node: destination.name,
    restoredFrom: folder,
  })
  await cluster.create(pod)
  const from = containerOf(
    await view.until('the pod', ({ pods }) => pods.find(({ metadata }) => metadata.name === old)),
  )
  const [upper, ready, offset, restore] = await Promise.all([
    runScript(context, source, 'container', ['layer', from.id], 'looking for the writable layer'),
    runScript(context, destination, 'container', ['await-ready', folder], 'waiting for the pod to be staged'),
    estimateClockOffset(source, clock),
    stageCommand(context, destination, {
      argv: scriptArgv('container', 'restore', folder),
      what: 'the restore',
      hint: 'containerd.log on the host tells more: testbed logs',
      withinMs: stateMs,
    }),
  ])
  open.push(restore)
  const [address = '', target = ''] = ready.split(' ')
  const stream = async (consume: Argv, produce: Argv) => {
    const receiver = await openReceiver(destination, source, consume)
    open.push(receiver)
    return { produce, receiver }
  }
  const streams = await Promise.all([
    stream(['tar', '-x', '-C', `${folder}/images`], ['tar', '-C', `${folder}/images`, '-c', '.']),
    stream([...unpackLayer, target], [...packLayer, upper, '.']),
  ])
  return { ...from, address, folder, streams, offset, restore }
}
