import { runChecked } from '../hosts/checked.ts'
import type { Argv, Host } from '../hosts/host.ts'
import { type StagedCommand, stageCommand } from './staged-command.ts'
import type { TrialContext } from './toolchain.ts'

/** Stands on every host that is up; its head says what each action does. */
const folder = '/usr/local/lib/migration-testbed/provision/network'
const script = `${folder}/namespace.sh`
const timeoutMs = 20_000

/** Name of the network namespace of a trial; the same on both hosts. */
function namespaceOf(context: TrialContext): string {
  return `trial-${context.trial}`
}

/** Where an engine finds it. */
export function namespacePath(context: TrialContext): string {
  return `/run/netns/${namespaceOf(context)}`
}

/** Makes it with the workload's address and MAC, not joined to the service network yet. */
export async function makeNamespace(context: TrialContext, host: Host): Promise<void> {
  const { address, mac } = context.service
  await act(context, host, ['make', namespaceOf(context), address, mac])
}

/**
 * The address in a namespace of `host`, ready to be put on the service network: once told, the address is behind that host, and
 * everybody on the service network hears of it. Clients wait for the hand-over itself, so all else that it takes is done now.
 */
export async function stageHandOver(
  context: TrialContext,
  host: Host,
  times: number,
): Promise<StagedCommand> {
  const { address, mac } = context.service
  const argv: Argv = ['sh', script, 'hand-over', namespaceOf(context), address, mac, String(times)]
  const hint = `look at bridge svc0 and at network namespace ${namespaceOf(context)} on ${host.name}`
  return await stageCommand(context, host, { argv, what: 'hand-over of the address', hint })
}

/** Puts the workload's address on the service network of `host` now. */
export async function handOver(context: TrialContext, host: Host, times: number): Promise<void> {
  const staged = await stageHandOver(context, host, times)
  await staged.complete().finally(() => staged.close())
}

/** Takes the workload's address off the service network of `host`; what is sent to it there is lost. */
export async function leaveServiceNetwork(context: TrialContext, host: Host): Promise<void> {
  await act(context, host, ['leave', namespaceOf(context)])
}

/** Removes it, with firewall rules that CRIU left in it. Idempotent. */
export async function removeNamespace(context: TrialContext, host: Host): Promise<void> {
  await act(context, host, ['remove', namespaceOf(context)])
}

async function act(context: TrialContext, host: Host, args: readonly string[]): Promise<void> {
  await runChecked(host, ['sh', script, ...args], {
    what: `${args[0]} of the workload's network namespace`,
    kind: 'trial',
    signal: context.signal,
    timeoutMs,
  })
}
