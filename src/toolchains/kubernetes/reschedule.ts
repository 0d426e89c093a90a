import { allEnded } from '../../core/all-ended.ts'
import { poll } from '../../core/retry.ts'
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
import { type Cluster, cordon, withCluster } from './cluster.ts'
import { deploymentOf, imageIn, lacksCluster, loadImage, removeAll, takeAddress } from './deploy.ts'
import {
  claimName,
  claimsOf,
  deployment,
  type PodOptions,
  pathOf,
  service,
  statefulSet,
  volumeName,
  volumesOn,
} from './objects.ts'
import { openView, type Pod, type View } from './view.ts'

/** For what the controllers of volumes do. */
const volumesMs = 30_000
const looksBetween = 10

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
    return await withCluster(context, (cluster) => deployReplica(context, cluster, grace))
  },
  migrate: (context, _deployment, timeline) =>
    withCluster(context, async (cluster) => {
      const view = await openView(cluster, context)
      let volumes: MovingVolumes | undefined
      try {
        const { old, place } = await timeline.phase('stage', async () => {
          await cordon(cluster, context.source, true)
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
      }
    }),
  remove: removeAll,
}

/** The workload as one replica, on the source. */
export async function deployReplica(
  context: TrialContext,
  cluster: Cluster,
  options: Pick<PodOptions, 'graceSeconds' | 'tolerationSeconds'>,
): Promise<Deployment> {
  const { source, destination, workload, image, service: at } = context
  const nodes = [source.name, destination.name]
  const pod = { workload, image: imageIn(cluster, image.name), nodes, ...options }
  const mounts = volumeMounts(context)
  await createVolumes(context)
  await takeAddress(context, cluster)
  await cordon(cluster, destination, true)
  const place = await offerVolumes(context, cluster, source)
  const view = await openView(cluster, context)
  const replica = mounts.length === 0 ? deployment(pod) : statefulSet(pod, mounts)
  await cluster.create(service(workload, at.address), replica)
  if (mounts.length > 0) await attach(context, cluster, view, place)
  const running = await view.until('a container that runs', ({ pods }) =>
    pods.find(({ status }) => status.containerStatuses?.some(({ state }) => state.running !== undefined)),
  )
  await cordon(cluster, destination, false)
  return await deploymentOf(context, running)
}

/**
 * Tells the cluster of the volumes as a host will have them, or has them. A claim to one that is not known yet would wait for the
 * controller's next round, 15 s away. Answers what they are called by.
 */
async function offerVolumes(context: TrialContext, cluster: Cluster, host: Host): Promise<string> {
  const mounts = sizedMounts(context)
  const place = `${host.name}-${context.clock.monotonicNs().toString(36)}`
  if (mounts.length === 0) return place
  await cluster.create(...volumesOn(host, place, mounts))
  for (const index of mounts.keys())
    await isIn('Available', context, cluster, 'PersistentVolume', volumeName(index, place))
  return place
}

/** Waits for a volume to be `Available`, or a claim to be `Bound`. */
async function isIn(
  phase: string,
  { patience, clock, signal }: TrialContext,
  cluster: Cluster,
  kind: 'PersistentVolume' | 'PersistentVolumeClaim',
  name: string,
): Promise<void> {
  const asked = { method: 'GET', path: pathOf(kind, name), what: `looking for ${name}` } as const
  let looks = 0
  const look = async () => {
    const found = await cluster.request<{ readonly status?: { readonly phase?: string } }>(asked)
    if (found?.status?.phase === phase) return true
    looks += 1
    // Two workers of the controller may have changed it at once: one of them gives up, and comes back in its next round, 15 s
    // later, or when something of it changes.
    if (looks % looksBetween === 0)
      await cluster.patch(kind, name, {
        metadata: { annotations: { 'migration-testbed/looks': String(looks) } },
      })
    return undefined
  }
  await poll(look, {
    what: `a ${kind} ${name} that is ${phase}`,
    where: cluster.control.name,
    timeoutMs: volumesMs * patience,
    intervalMs: 20 * patience,
    clock,
    signal,
  })
}

/** Gives the pod that waits for its volumes those that were offered, and lets it be placed. */
async function attach(context: TrialContext, cluster: Cluster, view: View, place: string): Promise<void> {
  const mounts = sizedMounts(context)
  const claims = mounts.map((_, index) => claimName(index))
  await Promise.all(claims.map((name) => cluster.remove('PersistentVolumeClaim', { name })))
  await Promise.all(claims.map((name) => cluster.gone(pathOf('PersistentVolumeClaim', name), volumesMs)))
  await cluster.create(...claimsOf(place, mounts))
  // A pod that the scheduler finds without its volumes it tries again after seconds.
  for (const name of claims) await isIn('Bound', context, cluster, 'PersistentVolumeClaim', name)
  const waiting = await view.until('the pod that waits for its volumes', ({ pods }) =>
    pods.find(
      ({ spec, metadata }) => spec.nodeName === undefined && metadata.deletionTimestamp === undefined,
    ),
  )
  await cluster.patch('Pod', waiting.metadata.name, [{ op: 'remove', path: '/spec/schedulingGates' }])
}

function sizedMounts(context: TrialContext) {
  return volumeMounts(context).map((mount, index) => ({
    ...mount,
    bytes: context.workload.volumes?.[index]?.maximumSizeBytes ?? 0,
  }))
}

async function evict(cluster: Cluster, { metadata: { name } }: Pod): Promise<void> {
  await cluster.request({
    method: 'POST',
    path: `${pathOf('Pod', name)}/eviction`,
    body: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace: 'default' } },
    what: `the eviction of ${name}`,
  })
}

async function comeBack(
  context: TrialContext,
  cluster: Cluster,
  view: View,
  volumes: MovingVolumes | undefined,
): Promise<void> {
  await volumes?.takeBack('the workload could not be started there')
  await cordon(cluster, context.source, false)
  await cordon(cluster, context.destination, true)
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
