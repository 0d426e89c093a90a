import { chmod, mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { HostName } from '../../config/resolved.ts'
import { mustRunLocal } from '../../core/process.ts'
import type { KeyPair } from '../../hosts/keys.ts'
import { writeCloudInit } from './cloud-init.ts'
import type { GuestImage } from './guest-image.ts'
import { networkFiles } from './networkd.ts'

/** What makes one virtual machine out of an image: who it is, who may log in, and which of its NICs is which. */
export interface GuestSeed {
  readonly name: HostName
  /** 32 hexadecimal digits. */
  readonly machineId: string
  /** Who may log in as root. */
  readonly publicKey: string
  readonly hostKey: KeyPair
  /** Lines of /etc/hosts beside localhost. */
  readonly neighbours: readonly string[]
  readonly mgmt: { readonly mac: string; readonly address: string; readonly prefixLength: number }
  readonly service: {
    /** Of the bridge svc0; the NIC in it has another one. */
    readonly mac: string
    readonly nicMac: string
    readonly address: string
    readonly prefixLength: number
  }
  /** QEMU's user-mode network: DHCP, name server 10.0.2.3. */
  readonly nat: { readonly mac: string }
}

export interface GuestFile {
  readonly text: string
  /** 0644 when absent. */
  readonly mode?: number
}

/**
 * Writes what the guest reads at its first boot into `folder`, and answers with the QEMU arguments that pass it in.
 * The same seed gives the same bytes: a guest that has it already changes nothing. What it is passed in as is read-only,
 * so that a snapshot of the machine may be saved and loaded.
 */
export async function seedGuest(
  image: GuestImage,
  folder: string,
  seed: GuestSeed,
  signal: AbortSignal,
): Promise<readonly string[]> {
  await mkdir(folder, { recursive: true })
  if (image.seed === 'cloud-init') return await writeCloudInit(folder, seed)
  const disk = join(folder, 'seed.tar')
  await writeArchive(disk, guestFiles(seed), signal)
  return [
    '-drive',
    `if=none,id=seed,format=raw,readonly=on,file=${optionValue(disk)}`,
    '-device',
    'virtio-blk-pci,drive=seed,serial=seed',
  ]
}

/** Hosts that only build something have names that no host can have: they start with _. */
export function hostnameOf({ name }: Pick<GuestSeed, 'name'>): string {
  return name.replace(/^_/, '')
}

/** The files of a guest that say who it is, by absolute path without the leading slash. */
export function guestFiles(seed: GuestSeed): Record<string, GuestFile> {
  return {
    'etc/hostname': { text: `${hostnameOf(seed)}\n` },
    'etc/machine-id': { text: `${seed.machineId}\n`, mode: 0o444 },
    'etc/hosts': { text: ['127.0.0.1 localhost', ...seed.neighbours, ''].join('\n') },
    'etc/resolv.conf': { text: 'nameserver 10.0.2.3\n' },
    'etc/ssh/ssh_host_ed25519_key': { text: seed.hostKey.privateKey, mode: 0o600 },
    'etc/ssh/ssh_host_ed25519_key.pub': { text: `${seed.hostKey.publicKey}\n` },
    'root/.ssh/authorized_keys': { text: `${seed.publicKey}\n`, mode: 0o600 },
    ...networkFiles(seed),
  }
}

/** A tar that is the same whenever the files are; everything in it is root's. */
async function writeArchive(
  archive: string,
  files: Readonly<Record<string, GuestFile>>,
  signal: AbortSignal,
): Promise<void> {
  const staging = `${archive}.d`
  await rm(staging, { recursive: true, force: true })
  await mkdir(staging, { mode: 0o700 })
  try {
    const paths = Object.keys(files).sort()
    for (const path of paths) {
      const { text, mode = 0o644 } = files[path] ?? { text: '' }
      const target = join(staging, path)
      await mkdir(dirname(target), { recursive: true })
      await writeFile(target, text, { mode: 0o600 })
      await chmod(target, mode) // whatever the umask
    }
    await rm(archive, { force: true })
    await writeFile(archive, '', { mode: 0o600 }) // there is a private key in it
    // Only the files: a directory would carry the staging folder's mode over that of the guest's.
    await mustRunLocal(
      ['tar', '--create', `--file=${archive}`, `--directory=${staging}`, ...reproducible, ...paths],
      { what: 'seed of the guest', timeoutMs: 30_000, signal },
    )
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}

const reproducible = ['--format=ustar', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner']

/** A value among QEMU's comma-separated options. */
export function optionValue(text: string): string {
  return text.replaceAll(',', ',,')
}
