import type { Facts } from '../../hosts/facts.ts'
import type { Host } from '../../hosts/host.ts'
import type { WorkloadImage } from '../../workloads/image.ts'
import { sendArchive } from '../../workloads/load.ts'
import { lackingAt } from '../lacking.ts'
import type { Deployment, Lack, TrialContext } from '../toolchain.ts'
import { removeVolumes } from '../trial-volumes.ts'
import { type Cluster, cordon, type Removal, runScript, scriptArgv, withCluster } from './cluster.ts'
import { type Kind, pathOf, selector } from './objects.ts'
import { doesNotRun, type Pod, runningContainer } from './view.ts'

/** What a host lacks to be a node. */
export function lacksCluster(source: Facts, destination: Facts): Lack | undefined {
  const message = 'it is a node of no cluster: add the component kubernetes (--with kubernetes)'
  return lackingAt(source, destination, ({ versions }) =>
    versions.kubernetes === undefined ? { feature: 'kubernetes', message } : undefined,
  )
}

/** As the registry of the cluster has an image. */
export function imageIn(cluster: Cluster, name: string): string {
  return `${cluster.control.address}:5000/${name}`
}

const pullMs = 3 * 60_000

/** What the first node does that is given the image. */
const sent = new WeakMap<WorkloadImage, Promise<void>>()

/** Gives a node the workload's image: the first one gives it to the cluster's registry as well, where the others have it from. */
export async function loadImage(host: Host, image: WorkloadImage, signal: AbortSignal): Promise<void> {
  if (host.facts.versions.kubernetes === undefined) return
  const first = sent.get(image)
  if (first === undefined) {
    const loading = pullOrSend(host, image, signal)
    sent.set(image, loading)
    return await loading
  }
  await first.catch(() => {}) // it is told by whoever gave it
  await pullOrSend(host, image, signal)
}

async function pullOrSend(host: Host, image: WorkloadImage, signal: AbortSignal): Promise<void> {
  const has = await host.run({ argv: scriptArgv('image', 'has', image.name) }, { signal, timeoutMs: pullMs })
  if (has.exitCode !== 0) await sendArchive(host, scriptArgv('image', 'take', image.name), image, signal)
}

/** Lets clients in at the workload's address, on the host of the control plane: every node proxies for every service. */
export async function takeAddress(context: TrialContext, cluster: Cluster): Promise<void> {
  await runScript(
    context,
    cluster.control,
    'address',
    ['take', context.service.address],
    'taking the address',
  )
}

/** @throws TestbedError when its container does not run */
export async function deploymentOf(context: TrialContext, pod: Pod): Promise<Deployment> {
  const { source, destination, service } = context
  const host = [source, destination].find(({ name }) => name === pod.spec.nodeName)
  const id = runningContainer(pod)
  if (host === undefined || id === undefined) throw doesNotRun(pod)
  const pid = await runScript(context, host, 'container', ['pid', id], 'looking for the process of the pod')
  return {
    host,
    container: pod.metadata.name,
    pid: Number(pid),
    address: { host: service.address, port: service.port },
  }
}

/** Removes everything of a trial from the cluster and from its nodes; whoever was lost meanwhile is left alone. */
export async function removeAll(context: TrialContext): Promise<void> {
  const { source, destination } = context
  if (lacksCluster(source.facts, destination.facts) !== undefined) return
  const alive: Host[] = []
  for (const host of [source, destination]) {
    // One that waits for a checkpoint holds its kubelet up.
    const asked = await runScript(
      context,
      host,
      'container',
      ['let-go'],
      'letting a staged restore go',
    ).catch(() => undefined)
    if (asked !== undefined) alive.push(host)
  }
  context.signal.throwIfAborted()
  await withCluster(context, async (cluster) => {
    await removeObjects(cluster, alive.length === 2)
    await Promise.all([source, destination].map((host) => cordon(cluster, host, false)))
  })
  await Promise.all(
    alive.map(async (host) => {
      await runScript(context, host, 'container', ['clean'], 'cleaning the node')
      await runScript(context, host, 'address', ['release', context.service.address], 'giving the address up')
    }),
  )
  await removeVolumes(context)
}

/** @param nodesAnswer whether all do: what runs on one that was lost nobody ends */
async function removeObjects(cluster: Cluster, nodesAnswer: boolean): Promise<void> {
  const remove = async (kinds: readonly Kind[], seconds: number, how?: Removal) => {
    for (const kind of kinds) await cluster.remove(kind, { selector }, how)
    for (const kind of kinds)
      await cluster.gone(`${pathOf(kind)}?labelSelector=${encodeURIComponent(selector)}`, seconds * 1000)
  }
  // Pods are ended after it, each in its own time, not as what its owner leaves behind.
  await remove(['Deployment', 'ReplicaSet', 'StatefulSet', 'Service', 'EndpointSlice'], 60, { orphan: true })
  await remove(['Pod'], 30, { graceSeconds: nodesAnswer ? 1 : 0 })
  await remove(['PersistentVolumeClaim', 'PersistentVolume'], 20)
}
