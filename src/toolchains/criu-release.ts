import type { Argv, Host } from '../hosts/host.ts'
import type { TrialContext } from './toolchain.ts'

const script = '/usr/local/lib/migration-testbed/provision/criu/release.sh'
const timeoutMs = 20_000

/**
 * After a dump that failed: thaws the container and lifts CRIU's network lock, where CRIU itself could not. Never throws: what
 * failed is told, and whether the workload answers is seen.
 * @param runcRoot where the engine lets runc keep its state
 */
export async function releaseContainer(
  context: TrialContext,
  host: Host,
  runcRoot: string,
  id: string,
): Promise<void> {
  const argv: Argv = ['sh', script, runcRoot, id]
  await host.run({ argv }, { signal: context.signal, timeoutMs }).catch(() => undefined)
}
