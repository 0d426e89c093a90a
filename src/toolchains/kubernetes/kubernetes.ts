import type { Toolchain } from '../toolchain.ts'
import { kubernetesCheckpoint } from './checkpoint.ts'
import { kubernetesCheckpointFast } from './checkpoint-fast.ts'
import { kubernetesNodeLoss } from './node-loss.ts'
import { kubernetesReschedule } from './reschedule.ts'

/** A workload of a cluster, moved by the cluster's own means, and by what these could be. */
export const kubernetesToolchains: readonly Toolchain[] = [
  kubernetesReschedule,
  kubernetesNodeLoss,
  kubernetesCheckpoint,
  kubernetesCheckpointFast,
]
