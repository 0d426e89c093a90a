import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ResolvedTestbed } from '../../config/resolved.ts'
import { startDetached } from '../../core/process.ts'
import { poll } from '../../core/retry.ts'
import { type Names, networkNames } from '../local/names.ts'
import type { ProviderContext } from '../provider.ts'
import { findVm, labelArgument } from './labels.ts'

/** No host can have this name. */
export const switchName = '_switch'

/**
 * The networks of whoever has no root: a QEMU without a machine in it, whose two hubs join all hosts over sockets in their
 * folders. Not multicast sockets, which give every sender its own frames back and so confuse the bridges in the guests; and no
 * user-mode network on a hub, which answers in the place of any guest.
 */
export function switchArguments(testbed: ResolvedTestbed, id: string): string[] {
  return [
    ...['-name', labelArgument(id, switchName), '-machine', 'none'],
    ...['-nodefaults', '-no-user-config', '-display', 'none'],
    ...networkNames.flatMap((network, hub) =>
      testbed.hosts.flatMap(({ name }) => {
        const id = `${network}-${name}`
        const port = `hubport,id=port-${id},hubid=${hub},netdev=${id}`
        return ['-netdev', `dgram,id=${id},${datagrams(id, join('..', name), network)}`, '-netdev', port]
      }),
    ),
  ]
}

/** A host's card on a network: its side of the sockets. Either side may come, go and come again. */
export function cardToSwitch(network: string, host: string): string {
  return `dgram,id=${network},${datagrams(network, join('..', switchName), `${network}-${host}`)}`
}

/** Paths are relative to the folder that QEMU is started in: a socket's path may have no more than 108 bytes. */
function datagrams(own: string, otherFolder: string, other: string): string {
  return `local.type=unix,local.path=${own}.sock,remote.type=unix,remote.path=${join(otherFolder, other)}.sock`
}

/** Starts the switch unless it runs. Hosts that run need nothing: they send to it as before. */
export async function ensureSwitch(
  context: ProviderContext,
  names: Names,
  testbed: ResolvedTestbed,
  signal: AbortSignal,
): Promise<void> {
  if ((await findVm(names.id, switchName)) !== undefined) return
  const folder = names.folder(switchName)
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  await mkdir(names.logs(switchName), { recursive: true })
  const argv = ['env', '-C', folder, 'qemu-system-x86_64', ...switchArguments(testbed, names.id)] as const
  const log = join(names.logs(switchName), 'qemu.log')
  await startDetached(argv, log)
  await poll(async () => await findVm(names.id, switchName), {
    what: 'start of the networks',
    timeoutMs: 10_000,
    intervalMs: 20,
    clock: context.clock,
    signal,
    hint: `${log} holds what QEMU said`,
  })
}
