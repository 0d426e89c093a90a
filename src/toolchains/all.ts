import { dockerCheckpoint } from './docker-checkpoint.ts'
import { dockerCommit } from './docker-commit.ts'
import { flockerVolume } from './flocker-volume.ts'
import { kubernetesToolchains } from './kubernetes/kubernetes.ts'
import { podmanCheckpoint, podmanPrecopy } from './podman/podman-checkpoint.ts'
import { runcToolchains } from './runc/runc.ts'
import type { Toolchain } from './toolchain.ts'

/** Every toolchain, in the order in which help and errors list them. */
export const toolchains: readonly Toolchain[] = [
  dockerCommit,
  dockerCheckpoint,
  flockerVolume,
  podmanCheckpoint,
  podmanPrecopy,
  ...runcToolchains,
  ...kubernetesToolchains,
]
