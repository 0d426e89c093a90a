import { allEnded } from '../core/all-ended.ts'
import { runChecked } from '../hosts/checked.ts'
import {
  announce,
  deploymentOf,
  deployOnSource,
  docker,
  type GatedContainer,
  lacksDocker,
  releaseAddress,
  removeAll,
  startGated,
} from './docker.ts'
import { goOnAtSource } from './go-on.ts'
import { lackingAt } from './lacking.ts'
import type { Timeline } from './timeline.ts'
import type { Deployment, Migration, Toolchain, TrialContext } from './toolchain.ts'
import {
  createVolumes,
  lacksVolumes,
  type MovingVolumes,
  pushVolumes,
  removeVolumes,
} from './trial-volumes.ts'

/**
 * Flocker's way: the volumes are pushed while the workload runs, it is stopped, what has changed since follows, and it starts on the
 * other host. What is in its volumes is kept; its memory, connections and whatever else it wrote are lost.
 */
export const flockerVolume: Toolchain = {
  name: 'flocker-volume',
  keeps: { memory: false, connections: false, files: true },
  supports: (source, destination, workload) =>
    lackingAt(source, destination, lacksDocker) ??
    (workload.volumes === undefined
      ? {
          feature: 'workload:volumes',
          at: 'source',
          message: `${workload.name} has no volumes, so nothing of it would be kept`,
        }
      : lacksVolumes(source, destination, workload)),
  deploy: async (context) => {
    await createVolumes(context)
    return await deployOnSource(context)
  },
  migrate: async (context, deployment, timeline) => {
    const gated = await timeline.phase('stage', () => startGated(context))
    try {
      const volumes = await pushVolumes(context, timeline)
      return await startElsewhere(context, deployment, gated, volumes, timeline).catch((error: unknown) =>
        goOnAtSource(
          context,
          error,
          () => startAgain(context, deployment, gated, volumes),
          'with its volumes',
        ),
      )
    } finally {
      gated.close()
    }
  },
  remove: async (context) => {
    await removeAll(context)
    await releaseAddress(context, context.destination)
    await removeVolumes(context)
  },
}

async function startElsewhere(
  context: TrialContext,
  deployment: Deployment,
  { container, open }: GatedContainer,
  volumes: MovingVolumes,
  timeline: Timeline,
): Promise<Migration> {
  const { source, destination } = context
  const stopped = docker(context, source, ['stop', deployment.container])
  stopped.catch(() => undefined) // told below
  await timeline.phase('stop', () => Promise.race([stopped, ended(context, deployment)]))
  // Docker takes what is left of the container apart meanwhile.
  await allEnded([volumes.handOver({ frozen: false }), stopped])
  await allEnded([
    timeline.phase('start', open),
    timeline.phase('switch', () => announce(context, destination, 3)),
  ])
  const started = await deploymentOf(context, destination, container)
  const { bytes } = await volumes.finish()
  return { deployment: started, transferredBytes: bytes }
}

/** Until the process has ended, and nothing of its container uses the volumes. */
async function ended({ source, patience, signal }: TrialContext, { pid }: Deployment): Promise<void> {
  const wait = 'while kill -0 "$1" 2>/dev/null; do sleep 0.005; done'
  // Docker kills it after ten seconds.
  const seconds = String(60 * patience)
  await runChecked(source, ['timeout', seconds, 'sh', '-c', wait, 'sh', String(pid)], {
    what: 'waiting for the end of the workload',
    kind: 'trial',
    signal,
  })
}

async function startAgain(
  context: TrialContext,
  { container: own }: Deployment,
  { container, close }: GatedContainer,
  volumes: MovingVolumes,
): Promise<void> {
  const { source, destination } = context
  close()
  // Its host may be gone altogether.
  await docker(context, destination, ['rm', '--force', container], 10_000).catch(() => undefined)
  await volumes.takeBack('the workload could not be started there')
  await docker(context, source, ['start', own])
  await announce(context, source, 3)
  await deploymentOf(context, source, own)
}
