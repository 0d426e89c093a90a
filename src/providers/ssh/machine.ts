import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { macOf } from '../../config/addresses.ts'
import type { ResolvedHost, ResolvedTestbed } from '../../config/resolved.ts'
import { messageOf, TestbedError } from '../../core/errors.ts'
import { poll } from '../../core/retry.ts'
import type { HostAddress } from '../../hosts/address.ts'
import { runChecked } from '../../hosts/checked.ts'
import type { Host } from '../../hosts/host.ts'
import { connectHost } from '../../hosts/ssh-host.ts'
import type { HostStatus, ProviderContext } from '../provider.ts'

/** Everything that is done on an existing machine, each over a connection of its own. */

/** Joins it to the service network. */
export async function joinService(
  context: ProviderContext,
  id: string,
  testbed: ResolvedTestbed,
  host: ResolvedHost,
  address: HostAddress,
  signal: AbortSignal,
): Promise<void> {
  const { serviceAddress, machine } = host
  if (machine === undefined) throw noMachine(host.name)
  const arguments_ = [
    id,
    testbed.name,
    machine.serviceInterface,
    `${serviceAddress}/${testbed.networks.service.prefixLength}`,
    macOf(serviceAddress),
  ]
  await on(address, signal, (connected) => send(context, connected, 'network', arguments_, signal))
}

/** Takes off it all that the testbed made there. */
export async function cleanMachine(
  context: ProviderContext,
  id: string,
  address: HostAddress,
  signal?: AbortSignal,
): Promise<void> {
  await on(address, signal, (connected) => send(context, connected, 'clean', [id], signal))
}

/** `dead` when it is not reached, or bears no mark of this testbed: it is meant to be a host, and is none yet. */
export async function stateOf(id: string, address: HostAddress): Promise<HostStatus> {
  const { name } = address
  try {
    return await on(address, AbortSignal.timeout(5_000), async (connected) => {
      const { stdout } = await connected.run({ argv: ['cat', '/var/lib/migration-testbed/testbed'] })
      return { name, state: stdout.startsWith(`${id} `) ? 'running' : 'dead' }
    })
  } catch {
    return { name, state: 'dead' }
  }
}

/** Waits until it opens a connection to the SSH port of another: what one sends the other while it migrates takes this way. */
export async function waitForNeighbour(
  context: ProviderContext,
  address: HostAddress,
  neighbour: { readonly name: string; readonly mgmtAddress: string; readonly port: number },
  signal: AbortSignal,
): Promise<void> {
  const script =
    'use IO::Socket::INET; exit(IO::Socket::INET->new(PeerAddr => $ARGV[0], PeerPort => $ARGV[1], Timeout => 3) ? 0 : die "$!\\n")'
  const argv = ['perl', '-e', script, neighbour.mgmtAddress, String(neighbour.port)] as const
  await on(address, signal, (connected) =>
    poll(async () => (await runChecked(connected, argv, { signal, timeoutMs: 5_000 })).exitCode === 0, {
      what: `${address.name} reaches ${neighbour.name} at ${neighbour.mgmtAddress}`,
      where: address.name,
      timeoutMs: 5_000,
      intervalMs: 300,
      clock: context.clock,
      signal,
      hint: 'write the address under which the hosts reach each other as mgmtAddress; a firewall must let TCP pass between them',
    }),
  )
}

/** Powers it off without a goodbye, where the testbed's file allows it. */
export async function powerOff(context: ProviderContext, address: HostAddress): Promise<void> {
  await on(address, undefined, async (connected) => {
    // Twice --force: not even file systems are unmounted. It goes through reboot(2), which in a container ends only that.
    const script =
      'command -v systemctl >/dev/null && (sleep 0.2; systemctl poweroff --force --force) >/dev/null 2>&1 &'
    await runChecked(connected, ['sh', '-c', script], { what: 'power off' })
  })
  await poll(
    async () => {
      try {
        await on(address, AbortSignal.timeout(2_000), async () => undefined)
      } catch {
        return true
      }
      return undefined
    },
    {
      what: 'end of the machine',
      where: address.name,
      timeoutMs: 15_000,
      intervalMs: 200,
      clock: context.clock,
    },
  )
}

export function noMachine(name: string): TestbedError {
  return new TestbedError('configuration', `host ${name} names no existing machine`, {
    hint: 'provider ssh needs address and serviceInterface of every host in the testbed file',
  })
}

async function on<Result>(
  address: HostAddress,
  signal: AbortSignal | undefined,
  act: (host: Host) => Promise<Result>,
): Promise<Result> {
  const host = await connectHost(address, signal)
  try {
    return await act(host)
  } finally {
    host.close()
  }
}

/** Runs a script of provision/ssh/ over standard input: it needs nothing on the machine. */
async function send(
  context: ProviderContext,
  host: Host,
  script: 'network' | 'clean',
  args: readonly string[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const input = await readFile(join(context.projectFolder, `provision/ssh/${script}.sh`), 'utf8')
  await runChecked(host, ['sh', '-s', '--', ...args], {
    what: script === 'network' ? 'joining the service network' : 'cleaning up',
    input,
    timeoutMs: 120_000,
    ...(signal === undefined ? {} : { signal }),
  })
}

/** For errors of several hosts at once. */
export function failuresOf(results: readonly { readonly name: string; readonly error: unknown }[]): string[] {
  return results.map(({ name, error }) => {
    const why = error instanceof TestbedError ? (error.parts.why ?? []) : []
    return [`${name}: ${messageOf(error)}`, ...why].join('; ')
  })
}
