import type { Argv, Host } from '../hosts/host.ts'
import type { TrialContext } from './toolchain.ts'

const script = '/usr/local/lib/migration-testbed/provision/criu/release.sh'
const timeoutMs = 20_000

/**
 * After a dump that failed: thaws the container and lifts CRIU's network lock, where CRIU itself could not. Answers what
 * was left, a sentence each. Never throws: whether the workload answers is seen by its client.
 * @param runcRoot where the engine lets runc keep its state
 */
export async function releaseContainer(
  context: TrialContext,
  host: Host,
  runcRoot: string,
  id: string,
): Promise<readonly string[]> {
  const argv: Argv = ['sh', script, runcRoot, id]
  const result = await host.run({ argv }, { signal: context.signal, timeoutMs }).catch(() => undefined)
  return result?.stdout.split('\n').filter((line) => line !== '') ?? []
}
