import { chmod, cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { digestOf } from '../../core/digest.ts'
import { TestbedError } from '../../core/errors.ts'
import { lastLines, startDetached } from '../../core/process.ts'
import { poll } from '../../core/retry.ts'
import type { HostAddress } from '../../hosts/address.ts'
import { connect } from '../../hosts/connection.ts'
import type { KeyPair } from '../../hosts/keys.ts'
import type { Names } from '../local/names.ts'
import type { ProviderContext } from '../provider.ts'
import { killGroup, processesOf, removeGroup } from './cgroups.ts'

/** Below a host's folder: what outlives a power failure of the host, as a disk does. */
const disk = 'disk'

/** What is written into a host before its first boot. */
export interface Seed {
  readonly name: string
  /** Who may log in as root. */
  readonly publicKey: string
  readonly hostKey: KeyPair
  readonly listen: { readonly address: string; readonly port: number }
  /** Lines of /etc/hosts beside localhost. */
  readonly neighbours: readonly string[]
}

/** Writes identity, keys and the boot script into the upper layer of a host's folder. */
export async function seedHost(context: ProviderContext, folder: string, seed: Seed): Promise<void> {
  for (const part of ['upper', 'work', 'root', 'data', disk])
    await mkdir(join(folder, part), { recursive: true })
  const files: Record<string, { text: string; mode?: number }> = {
    'etc/hostname': { text: `${seed.name}\n` },
    'etc/machine-id': { text: `${digestOf(`${context.stateFolder}/${seed.name}`, 32)}\n` },
    'etc/hosts': { text: ['127.0.0.1 localhost', ...seed.neighbours, ''].join('\n') },
    'etc/ssh/ssh_host_ed25519_key': { text: seed.hostKey.privateKey, mode: 0o600 },
    'etc/ssh/ssh_host_ed25519_key.pub': { text: `${seed.hostKey.publicKey}\n` },
    'etc/ssh/sshd_config': { text: sshdConfig(seed) },
    'root/.ssh/authorized_keys': { text: `${seed.publicKey}\n`, mode: 0o600 },
  }
  for (const [path, { text, mode }] of Object.entries(files)) {
    const target = join(folder, 'upper', path)
    await mkdir(dirname(target), { recursive: true, mode: 0o755 })
    await writeFile(target, text, { mode: mode ?? 0o644 })
  }
  for (const path of ['root', 'root/.ssh']) await chmod(join(folder, 'upper', path), 0o700)
  const services = join(folder, 'upper/usr/local/lib/migration-testbed/services.sh')
  await mkdir(dirname(services), { recursive: true })
  await cp(join(context.projectFolder, 'provision/namespaces/services.sh'), services)
}

function sshdConfig({ listen }: Seed): string {
  return [
    `ListenAddress ${listen.address}:${listen.port}`,
    'HostKey /etc/ssh/ssh_host_ed25519_key',
    'PermitRootLogin prohibit-password',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'UsePAM no',
    'UseDNS no',
    'PrintMotd no',
    'AcceptEnv LANG LC_*',
    'MaxSessions 32',
    'Subsystem sftp internal-sftp',
    '',
  ].join('\n')
}

/** Starts the host's processes; `netns` is `-` for the machine's own network. */
export async function bootHost(
  context: ProviderContext,
  names: Names,
  host: string,
  folder: string,
  netns: string,
  layers: readonly string[],
): Promise<void> {
  await mkdir(names.logs(host), { recursive: true })
  const script = join(context.projectFolder, 'provision/namespaces/start.sh')
  const lower = layers.map(escapeLayer).join(':')
  await writeFile(bootLog(names, host), '')
  await startDetached(['sh', script, names.id, host, netns, folder, lower], bootLog(names, host))
}

/** Waits until the host accepts our key. @throws TestbedError with the end of the boot log. */
export async function waitForSsh(
  context: ProviderContext,
  names: Names,
  address: HostAddress,
  signal: AbortSignal,
): Promise<void> {
  const log = bootLog(names, address.name)
  const failed = async (cause?: unknown) =>
    new TestbedError('testbed', 'the host did not come up', {
      where: address.name,
      why: lastLines(await readFile(log, 'utf8').catch(() => '')),
      hint: 'testbed doctor tells what this machine lacks',
      log,
      cause,
    })
  let sawProcesses = false
  const end = await poll(
    async () => {
      const alive = (await processesOf(names.id, address.name)).length > 0
      if (sawProcesses && !alive) return 'died'
      sawProcesses ||= alive
      const client = await connect(address, signal, 2_000) // short: an early packet may go nowhere
      client.end()
      return 'answers'
    },
    {
      what: 'SSH answers',
      where: address.name,
      timeoutMs: 30_000,
      intervalMs: 30,
      clock: context.clock,
      signal,
    },
  ).catch(async (error: unknown) => {
    throw signal.aborted ? error : await failed(error)
  })
  if (end === 'died') throw await failed()
}

/** Kills every process of the host and removes its cgroups and folder; `keepDisk`: what is on its disk stays for its next start. */
export async function removeHost(
  context: ProviderContext,
  names: Names,
  host: string,
  folder: string,
  options: { readonly keepDisk?: boolean } = {},
): Promise<void> {
  await killGroup(names.id, host, context.clock)
  await removeGroup(names.id, host, context.clock)
  const parts = options.keepDisk === true ? await readdir(folder).catch(() => []) : ['']
  for (const part of parts) {
    if (part !== disk) {
      await rm(join(folder, part), { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
    }
  }
}

function bootLog(names: Names, host: string): string {
  return join(names.logs(host), 'boot.log')
}

/** overlayfs takes a colon as the end of a layer's path. */
function escapeLayer(path: string): string {
  return path.replaceAll('\\', '\\\\').replaceAll(':', '\\:')
}
