import type { Toolchain } from '../toolchain.ts'
import { followArrival } from './arrive.ts'
import { administratorOf, runScript, withCluster } from './cluster.ts'
import { deploymentOf, lacksCluster, loadImage, removeAll } from './deploy.ts'
import { deployReplica } from './reschedule.ts'
import { openView } from './view.ts'

/** How soon a node that is not heard of is given up, and how long its pods wait for it after that. */
interface Patience {
  /** The controller manager's --node-monitor-grace-period; absent: its default. */
  readonly graceSeconds?: number
  /** Absent: the API server's default, 300 s. */
  readonly tolerationSeconds?: number
}

export const failoverSettings: Readonly<Record<string, Patience>> = {
  default: {},
  /** As low as it goes without taking a busy kubelet, which is heard of every 10 s, for a lost one. */
  tuned: { graceSeconds: 16, tolerationSeconds: 2 },
}
/** 50 s and 300 s by default, and what the node monitor's own period adds. */
const untilMs = 420_000

/** The node of the workload loses its power, and the cluster finds out by itself: failover. Nothing of the workload is kept. */
export const kubernetesNodeLoss: Toolchain = {
  name: 'kubernetes-node-loss',
  keeps: { memory: false, connections: false, files: false },
  powersOff: true,
  axes: ['failover'],
  supports: (source, destination, workload) => {
    if (workload.volumes !== undefined) {
      const message = `the volumes of ${workload.name} are lost with their node: nobody could push them`
      return { feature: 'volumes:shared', at: 'source', message }
    }
    return lacksCluster(source, destination)
  },
  prepare: loadImage,
  deploy: async (context) => {
    const { graceSeconds, ...options } = failoverSettings[String(context.factors.failover ?? 'tuned')] ?? {}
    const grace = graceSeconds === undefined ? [] : [`${graceSeconds}s`]
    const { control } = await administratorOf(context)
    await runScript(context, control, 'manager', grace, 'setting when a node is given up')
    return await withCluster(context, (cluster) => deployReplica(context, cluster, options))
  },
  migrate: async (context, { container: old }, timeline) => {
    const { source, powerOff } = context
    if (powerOff === undefined) throw new Error('nobody may power a host off here')
    return await withCluster(context, async (cluster) => {
      const view = await openView(cluster, context)
      await timeline.phase('power-off', () => powerOff(source))
      await timeline.phase('detect', () =>
        view.until(
          'a node that is given up',
          ({ nodes }) =>
            nodes.find(
              ({ metadata, status }) =>
                metadata.name === source.name &&
                status.conditions?.some(({ type, status }) => type === 'Ready' && status !== 'True'),
            ),
          untilMs,
        ),
      )
      await timeline.phase('evict', () =>
        view.until(
          'the eviction of the pod that was lost',
          ({ pods }) =>
            pods.find(({ metadata }) => metadata.name === old)?.metadata.deletionTimestamp === undefined
              ? undefined
              : true,
          untilMs,
        ),
      )
      const pod = await followArrival(view, timeline, ({ metadata }) => metadata.name !== old)
      return { deployment: await deploymentOf(context, pod), transferredBytes: 0 }
    })
  },
  remove: removeAll,
}
