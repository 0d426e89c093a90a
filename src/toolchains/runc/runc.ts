import { announce } from '../docker.ts'
import { lacksForOtherUsers } from '../other-users.ts'
import type { Toolchain } from '../toolchain.ts'
import { createVolumes, lacksVolumes, removeVolumes } from '../trial-volumes.ts'
import { prepareHost, removeBundles, startBundle, unpackImage } from './host-side.ts'
import { moveBundle } from './migrate.ts'
import { type Mode, missingFor } from './modes.ts'

function runcToolchain(name: string, mode: Mode): Toolchain {
  return {
    name,
    keeps: { memory: true, connections: true, files: true },
    axes: ['transfer', 'compression'],
    supports: (source, destination, workload) =>
      missingFor(mode, source, destination) ??
      lacksForOtherUsers(source, workload) ??
      lacksVolumes(source, destination, workload),
    prepare: unpackImage,
    deploy: async (context) => {
      await prepareHost(context, context.source, mode)
      await createVolumes(context)
      const deployment = await startBundle(context, context.source)
      await announce(context, context.source, 2)
      return deployment
    },
    migrate: (context, _deployment, timeline) => moveBundle(mode, context, timeline),
    remove: async (context) => {
      await removeBundles(context)
      await removeVolumes(context)
    },
  }
}

/** One OCI bundle and one runtime, five ways of getting its memory over. */
export const runcToolchains: readonly Toolchain[] = [
  runcToolchain('runc-stop-copy', { memory: 'stop-copy', rounds: false }),
  runcToolchain('runc-diskless', { memory: 'diskless', rounds: false }),
  runcToolchain('runc-precopy', { memory: 'stop-copy', rounds: true }),
  runcToolchain('runc-postcopy', { memory: 'postcopy', rounds: false }),
  runcToolchain('runc-hybrid', { memory: 'postcopy', rounds: true }),
]
