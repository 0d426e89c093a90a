import { runLocal } from '../../src/core/process.ts'

/** Lines of a testbed's file: with everything that any toolchain needs. */
export const withCluster = 'components: [docker, criu, podman, volumes, kubernetes]'

/** What this machine lacks to have a cluster made; undefined when nothing. */
export async function lacksGo(): Promise<string | undefined> {
  return (await runLocal(['go', 'version'])).exitCode === 0 ? undefined : 'Go, which builds Kubernetes'
}
