import type { Facts } from '../../hosts/facts.ts'
import { clearCriuWork } from '../criu-work.ts'
import { lackingAt } from '../lacking.ts'
import { lacksForOtherUsers } from '../other-users.ts'
import type { Lack, Toolchain, TrialContext } from '../toolchain.ts'
import { createVolumes, lacksVolumes, removeVolumes } from '../trial-volumes.ts'
import { loadImage } from './image.ts'
import { migrate } from './migrate.ts'
import { deployOnSource, removeAll } from './podman.ts'

/** The checkpoint and the writable layer as one archive, restored under the same name on the other host. */
export const podmanCheckpoint: Toolchain = {
  name: 'podman-checkpoint',
  keeps: { memory: true, connections: true, files: true },
  supports: (source, destination, workload) =>
    lackingAt(source, destination, lacking) ??
    lacksForOtherUsers(source, workload) ??
    lacksVolumes(source, destination, workload),
  prepare: loadImage,
  deploy,
  migrate: (context, _deployment, timeline) => migrate(context, timeline, { previous: false }),
  remove: async (context) => {
    await removeAll(context)
    await removeVolumes(context)
  },
}

/** The same with all of the memory copied beforehand, while the workload runs: only what it wrote since is left. */
export const podmanPrecopy: Toolchain = {
  ...podmanCheckpoint,
  name: 'podman-precopy',
  supports: (source, destination, workload) =>
    podmanCheckpoint.supports(source, destination, workload) ??
    (source.criuFeatures.mem_dirty_track === true
      ? undefined
      : {
          feature: 'criu:mem_dirty_track',
          at: 'source',
          message:
            'its kernel has no soft-dirty tracking (CONFIG_MEM_SOFT_DIRTY), so what changed is not known',
        }),
  migrate: (context, _deployment, timeline) => migrate(context, timeline, { previous: true }),
}

async function deploy(context: TrialContext) {
  const { source, destination, signal } = context
  await Promise.all([source, destination].map((host) => clearCriuWork(host, signal)))
  await createVolumes(context)
  return await deployOnSource(context)
}

function lacking({ versions }: Facts): Omit<Lack, 'at'> | undefined {
  if (versions.podman === undefined) {
    return { feature: 'podman', message: 'it is not installed; add podman to the components of the testbed' }
  }
  if (versions.criu === undefined) return { feature: 'criu', message: 'CRIU is not installed' }
  if (versions.runc === undefined) return { feature: 'runc', message: 'runc is not installed' }
  return undefined
}
