import os from 'node:os'
import { exists } from '../../core/exists.ts'
import type { ProviderContext, Requirement } from '../provider.ts'
import { requireProgram } from '../requirements.ts'
import { tryKvm } from './accelerator.ts'
import { qemuVersion, requireQemu } from './version.ts'

/** What this machine lacks to run virtual machines. */
export async function checkMachine(context: ProviderContext): Promise<Requirement[]> {
  const root = process.getuid?.() === 0
  const emulates = (await qemuVersion()) === undefined || !(await tryKvm(context)).works
  return [
    {
      name: 'Linux',
      satisfied: process.platform === 'linux',
      hint: 'virtual machines are started from a Linux machine',
    },
    {
      name: 'x86-64',
      satisfied: os.machine() === 'x86_64',
      hint: 'guest images are built for the x86-64 of this machine',
    },
    await requireQemu(emulates),
    await requireProgram('qemu-img', 'qemu-utils'),
    ...(root ? await requiredAsRoot() : []),
  ]
}

/** Bridges; and what builds an image, which without root is asked for only when one has to be built. */
async function requiredAsRoot(): Promise<Requirement[]> {
  return [
    await requireProgram('ip', 'iproute2'),
    await requireTun(),
    await requireProgram('mmdebstrap', 'mmdebstrap'),
    await requireProgram('mke2fs', 'e2fsprogs'),
  ]
}

async function requireTun(): Promise<Requirement> {
  return { name: 'kernel: tun', satisfied: await exists('/dev/net/tun'), hint: 'modprobe tun' }
}
