import { readdir, readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { exists } from '../../core/exists.ts'
import { mustRunLocal, runLocal } from '../../core/process.ts'
import { installHint } from '../requirements.ts'
import type { FoundMachine, Hypervisor, HypervisorCheck } from './hypervisor.ts'
import { libvirtUri } from './machines.ts'
import type { VagrantNames } from './names.ts'

const timeoutMs = 30_000
const packages = ['vagrant-libvirt', 'libvirt-daemon-system', 'libvirt-clients'] as const

/** libvirt, asked through virsh. */
export async function findLibvirt(): Promise<HypervisorCheck> {
  const answer = await virsh(['version'], 10_000)
  const plugin = await hasPlugin()
  const denied = /permission denied|authentication (failed|unavailable)|polkit/i.test(answer.stderr)
  const hint = denied
    ? `you may not use libvirt: sudo usermod -aG libvirt ${process.env.USER ?? '$USER'}, then log in again`
    : answer.exitCode === 0
      ? 'its plug-in is missing: vagrant plugin install vagrant-libvirt, or the package vagrant-libvirt'
      : `${installHint(packages)}, and systemctl start libvirtd`
  return {
    hypervisor: { ...libvirt, name: 'libvirt' },
    requirement: {
      name: 'libvirt with vagrant-libvirt',
      satisfied: answer.exitCode === 0 && plugin,
      hint,
      // Its service is one of systemd's.
      ...((await exists('/run/systemd/system')) ? { packages } : {}),
    },
  }
}

const libvirt: Omit<Hypervisor, 'name'> = {
  machines: async (names) => {
    const all = await lines(['list', '--all', '--name'])
    const running = new Set(await lines(['list', '--name', '--state-running']))
    return await Promise.all(
      all.filter(isOurs(names)).map(
        async (name): Promise<FoundMachine> => ({
          name,
          id: (await virsh(['domuuid', name])).stdout.trim(),
          running: running.has(name),
        }),
      ),
    )
  },
  powerOff: async (machine) => {
    await virsh(['destroy', machine])
  },
  remove: async (machine) => {
    await virsh(['destroy', machine])
    if ((await lines(['list', '--all', '--name'])).includes(machine)) {
      await mustVirsh(['undefine', machine, '--managed-save', '--snapshots-metadata', '--nvram'])
    }
    await deleteVolumes((volume) => volume.startsWith(`${machine}.`))
  },
  removeRest: async (names) => {
    await deleteVolumes(isOurs(names))
    for (const network of (await lines(['net-list', '--all', '--name'])).filter(isOurs(names))) {
      await virsh(['net-destroy', network])
      await mustVirsh(['net-undefine', network])
    }
  },
  links: async (names) => {
    const networks = (await lines(['net-list', '--all', '--name'])).filter(isOurs(names))
    const bridges = await Promise.all(
      networks.map(
        async (network) => /^Bridge:\s+(\S+)/m.exec((await virsh(['net-info', network])).stdout)?.[1],
      ),
    )
    return bridges.flatMap((bridge) => bridge ?? [])
  },
  hasSnapshot: async (machine, snapshot) => {
    return (await lines(['snapshot-list', machine, '--name'])).includes(snapshot)
  },
  boxImages: async (box) => {
    const prefix = `${box.replaceAll('/', '-VAGRANTSLASH-')}_vagrant_box_image_`
    const images = (await volumes()).filter(({ volume }) => volume.startsWith(prefix))
    return await Promise.all(
      images.map(async ({ pool, volume }) => {
        const info = await virsh(['vol-info', volume, '--pool', pool, '--bytes', '--physical'])
        return {
          bytes: Number(/^Physical:\s+(\d+)/m.exec(info.stdout)?.[1]),
          remove: () => mustVirsh(['vol-delete', volume, '--pool', pool]),
        }
      }),
    )
  },
}

async function deleteVolumes(matches: (volume: string) => boolean): Promise<void> {
  for (const { pool, volume } of await volumes()) {
    if (matches(volume)) await mustVirsh(['vol-delete', volume, '--pool', pool])
  }
}

async function volumes(): Promise<{ pool: string; volume: string }[]> {
  const found = (await lines(['pool-list', '--name'])).map(async (pool) => {
    // What QEMU or a crashed program has made shows only in a pool that has looked again.
    await virsh(['pool-refresh', pool])
    return (await lines(['vol-list', pool])).map((line) => ({ pool, volume: line.split(/\s+/)[0] ?? '' }))
  })
  return (await Promise.all(found)).flat()
}

function isOurs({ prefix }: VagrantNames): (name: string) => boolean {
  return (name) => name.startsWith(prefix)
}

async function virsh(args: readonly string[], limitMs = timeoutMs) {
  // Its messages are matched: in English.
  const argv = ['virsh', '--quiet', '--connect', libvirtUri, ...args] as const
  return await runLocal([...argv], { timeoutMs: limitMs, env: { LC_ALL: 'C' } })
}

async function mustVirsh(args: readonly string[]): Promise<void> {
  const argv = ['virsh', '--quiet', '--connect', libvirtUri, ...args] as const
  await mustRunLocal([...argv], { timeoutMs, env: { LC_ALL: 'C' }, what: `virsh ${args.join(' ')}` })
}

async function lines(args: readonly string[]): Promise<string[]> {
  const { stdout, exitCode } = await virsh(args)
  if (exitCode !== 0) return []
  return stdout
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
}

/** Told without starting Vagrant, which takes seconds: its list of installed plug-ins, or the distribution's. */
async function hasPlugin(): Promise<boolean> {
  const home = process.env.VAGRANT_HOME ?? join(homedir(), '.vagrant.d')
  const installed = await readFile(join(home, 'plugins.json'), 'utf8').catch(() => '')
  const packaged = await readdir('/usr/share/vagrant-plugins/plugins.d').catch(() => [])
  return installed.includes('"vagrant-libvirt"') || packaged.some((name) => name.includes('vagrant-libvirt'))
}
