import { runChecked } from '../hosts/checked.ts'
import type { Argv, Host } from '../hosts/host.ts'
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

/** The workload's address is behind `host` from now on, and everybody on the service network is told so. */
export async function handOver(context: TrialContext, host: Host, times: number): Promise<void> {
  const { address, mac } = context.service
  const both = 'sh "$1" join "$2" && shift 2 && exec sh "$@"' // one round trip: a client is waiting
  const argv: Argv = [
    'sh',
    ...['-c', both, 'sh', script, namespaceOf(context)],
    ...[`${folder}/announce.sh`, address, mac, String(times), '20'],
  ]
  await runChecked(host, argv, {
    what: 'hand-over of the address',
    kind: 'trial',
    signal: context.signal,
    timeoutMs,
  })
}

/** Puts the workload's address on the service network of `host`, or takes it away; what is sent to it then is lost. */
export async function switchNamespace(
  context: TrialContext,
  host: Host,
  action: 'join' | 'leave',
): Promise<void> {
  await act(context, host, [action, namespaceOf(context)])
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
