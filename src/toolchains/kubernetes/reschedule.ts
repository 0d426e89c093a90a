import { allEnded } from '../../core/all-ended.ts'
import { parseDuration } from '../../core/units.ts'
import type { Host } from '../../hosts/host.ts'
import { goOnAtSource } from '../go-on.ts'
import type { Deployment, Migration, Toolchain, TrialContext } from '../toolchain.ts'
import {
  createVolumes,
  lacksVolumes,
  type MovingVolumes,
  pushVolumes,
  volumeMounts,
} from '../trial-volumes.ts'
import { followArrival } from './arrive.ts'
import { type Cluster, createArguments, openCluster } from './cluster.ts'
import { deploymentOf, imageIn, lacksCluster, loadImage, removeAll, takeAddress } from './deploy.ts'
import {
  claimName,
  claimsOf,
  deployment,
  list,
  type PodOptions,
  service,
  statefulSet,
  volumeName,
  volumesOn,
} from './objects.ts'
import { openView, type Pod, type View } from './view.ts'

/**
 * What `kubectl drain` does to a pod: its node takes no new ones, it is evicted, and the scheduler places the next one on the other
 * node. Volumes follow, pushed while the old one runs and handed over when it has ended. Memory, connections and what else it wrote are
 * lost.
 */
export const kubernetesReschedule: Toolchain = {
  name: 'kubernetes-reschedule',
  keeps: { memory: false, connections: false, files: false, volumes: true },
  axes: ['gracePeriod'],
  supports: (source, destination, workload) =>
    lacksCluster(source, destination) ?? lacksVolumes(source, destination, workload),
  prepare: loadImage,
  deploy: async (context) => {
    const { gracePeriod = 'default' } = context.factors
    const grace =
      gracePeriod === 'default' ? {} : { graceSeconds: Math.round(parseDuration(String(gracePeriod)) / 1000) }
    return await deployReplica(context, grace)
  },
  migrate: async (context, _deployment, timeline) => {
    const cluster = await openCluster(context)
    const view = await openView(cluster, context)
    let volumes: MovingVolumes | undefined
    try {
      const { old, place } = await timeline.phase('stage', async () => {
        await cluster.kubectl(['cordon', context.source.name])
        const old = await view.until('the pod', ({ pods }) =>
          pods.find(({ metadata }) => metadata.deletionTimestamp === undefined),
        )
        return { old, place: await offerVolumes(context, cluster, context.destination) }
      })
      const moving = await pushVolumes(context, timeline)
      volumes = moving
      await timeline.phase('evict', () => evict(cluster, old))
      const ended = timeline.phase('stop', () =>
        view.until('the end of the old pod', ({ pods }) => (pods.some(isSame(old)) ? undefined : true)),
      )
      if (moving.any) {
        await ended
        await moving.handOver({ frozen: false })
        await timeline.phase('attach', () => attach(context, cluster, view, place))
      }
      const [pod] = await allEnded([followArrival(view, timeline, (one) => !isSame(old)(one)), ended])
      const { bytes } = await moving.finish()
      return { deployment: await deploymentOf(context, pod), transferredBytes: bytes } satisfies Migration
    } catch (error) {
      return await goOnAtSource(
        context,
        error,
        () => comeBack(context, cluster, view, volumes),
        'scheduled there again',
      )
    } finally {
      view.close()
    }
  },
  remove: removeAll,
}

/** The workload as one replica, on the source. */
export async function deployReplica(
  context: TrialContext,
  options: Pick<PodOptions, 'graceSeconds' | 'tolerationSeconds'>,
): Promise<Deployment> {
  const { source, destination, workload, image, service: at } = context
  const cluster = await openCluster(context)
  const pod = { workload, image: imageIn(cluster, image.name), ...options }
  const mounts = volumeMounts(context)
  await createVolumes(context)
  await takeAddress(context, cluster)
  await cluster.kubectl(['cordon', destination.name])
  const place = await offerVolumes(context, cluster, source)
  const view = await openView(cluster, context)
  try {
    const objects = mounts.length === 0 ? deployment(pod) : statefulSet(pod, mounts)
    await cluster.kubectl(createArguments, list([service(workload, at.address), objects]))
    if (mounts.length > 0) await attach(context, cluster, view, place)
    const running = await view.until('a container that runs', ({ pods }) =>
      pods.find(({ status }) => status.containerStatuses?.some(({ state }) => state.running !== undefined)),
    )
    await cluster.kubectl(['uncordon', destination.name])
    return await deploymentOf(context, running)
  } finally {
    view.close()
  }
}

/**
 * Tells the cluster of the volumes as a host will have them, or has them. A claim to one that is not known yet would wait for the
 * controller's next round, 15 s away. Answers what they are called by.
 */
async function offerVolumes(context: TrialContext, cluster: Cluster, host: Host): Promise<string> {
  const mounts = sizedMounts(context)
  const place = `${host.name}-${context.clock.monotonicNs().toString(36)}`
  if (mounts.length === 0) return place
  await cluster.kubectl(createArguments, list(volumesOn(host, place, mounts)))
  const names = mounts.map((_, index) => `persistentvolume/${volumeName(index, place)}`)
  const within = `--timeout=${30 * context.patience}s`
  await cluster.kubectl(['wait', '--for=jsonpath={.status.phase}=Available', within, ...names])
  return place
}

/** Gives the pod that waits for its volumes those that were offered, and lets it be placed. */
async function attach(context: TrialContext, cluster: Cluster, view: View, place: string): Promise<void> {
  const mounts = sizedMounts(context)
  const claims = mounts.map((_, index) => claimName(index))
  await cluster.kubectl(['delete', 'persistentvolumeclaims', ...claims, '--ignore-not-found'])
  await cluster.kubectl(createArguments, list(claimsOf(place, mounts)))
  const waiting = await view.until('the pod that waits for its volumes', ({ pods }) =>
    pods.find(
      ({ spec, metadata }) => spec.nodeName === undefined && metadata.deletionTimestamp === undefined,
    ),
  )
  const open = '[{"op":"remove","path":"/spec/schedulingGates"}]'
  await cluster.kubectl(['patch', 'pod', waiting.metadata.name, '--type=json', '--patch', open])
}

function sizedMounts(context: TrialContext) {
  return volumeMounts(context).map((mount, index) => ({
    ...mount,
    bytes: context.workload.volumes?.[index]?.maximumSizeBytes ?? 0,
  }))
}

async function evict(cluster: Cluster, { metadata: { name } }: Pod): Promise<void> {
  await cluster.kubectl(['create', '--raw', `/api/v1/namespaces/default/pods/${name}/eviction`, '-f', '-'], {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name, namespace: 'default' },
  })
}

async function comeBack(
  context: TrialContext,
  cluster: Cluster,
  view: View,
  volumes: MovingVolumes | undefined,
): Promise<void> {
  await volumes?.takeBack('the workload could not be started there')
  await cluster.kubectl(['uncordon', context.source.name])
  await cluster.kubectl(['cordon', context.destination.name])
  if (volumes?.any === true)
    await attach(context, cluster, view, await offerVolumes(context, cluster, context.source))
  await view.until('a pod that is ready at the source', ({ pods }) =>
    pods.find(
      ({ spec, status }) =>
        spec.nodeName === context.source.name &&
        status.containerStatuses?.some(({ ready }) => ready) === true,
    ),
  )
}

function isSame({ metadata: { uid } }: Pod) {
  return ({ metadata }: Pod) => metadata.uid === uid
}
