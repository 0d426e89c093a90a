import path from 'node:path'
import { packageRoot } from '../config/paths.ts'
import type { Clock } from '../core/time.ts'
import type { RunEnvironment } from '../results/run-folder.ts'
import type { RunningTestbed } from '../testbed/running.ts'
import { acceleratorOf } from './accelerator.ts'
import { describeMachine, type MachineTools, machineTools } from './machine.ts'

/**
 * What must be known to repeat a run: `environment.json` but for the images, which the run adds. The facts of the hosts
 * are those that were measured when they were provisioned.
 */
export async function collectEnvironment(
  testbed: RunningTestbed,
  options: { readonly clock: Clock; readonly signal: AbortSignal; readonly tools?: MachineTools },
): Promise<RunEnvironment> {
  const { clock, signal, tools = machineTools } = options
  const version = versionOf(await tools.readText(path.join(packageRoot, 'package.json')))
  const git = await describeCheckout(signal, tools)
  return {
    startedAt: clock.now().toISOString(),
    tool: { name: 'migration-testbed', ...(version === undefined ? {} : { version }) },
    ...(git === undefined ? {} : { git }),
    node: process.version,
    provider: testbed.provider,
    accelerator: acceleratorOf(testbed),
    machine: await describeMachine(signal, tools),
    hosts: testbed.hosts.map(({ name, address, facts }) => ({ name, address, facts })),
  }
}

/** The commit that runs, and whether files differ from it; undefined when this is not a checkout. */
async function describeCheckout(
  signal: AbortSignal,
  tools: MachineTools,
): Promise<{ readonly commit: string; readonly dirty: boolean } | undefined> {
  const options = { cwd: packageRoot, timeoutMs: 10_000, signal }
  const top = await tools.run(['git', 'rev-parse', '--show-cdup', 'HEAD'], options)
  const [above, commit] = top.stdout.split('\n')
  // An installed package may lie somewhere below another project's checkout.
  if (top.exitCode !== 0 || above !== '' || commit === undefined) return undefined
  const status = await tools.run(['git', 'status', '--porcelain'], options)
  return { commit, dirty: status.exitCode !== 0 || status.stdout !== '' }
}

function versionOf(packageFile: string | undefined): string | undefined {
  if (packageFile === undefined) return undefined
  const { version } = JSON.parse(packageFile) as { version?: unknown }
  return typeof version === 'string' ? version : undefined
}
