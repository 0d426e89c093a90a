import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { packageRoot } from '../../src/config/paths.ts'
import { runCommandLine } from '../support/command-line.ts'

const script = path.join(packageRoot, 'test', 'vm', 'libvirt.sh')

/** Lines for a testbed's file: the box that needs no download, on libvirt. */
export const vagrantSettings = `vagrant: { hypervisor: libvirt, box: migration-testbed/debian-13 }
vm: { memory: 768MiB }
`

/** Domains, networks and volumes that libvirt knows, one a line. */
export function libvirtHas(): string[] {
  return libvirt('left')
    .split('\n')
    .filter((line) => line !== '')
}

/** Real Vagrant and libvirt with the debian-13 box, for all tests of a run; what they leave is gone afterwards. */
export default async function setUp(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(path.join(tmpdir(), 'testbed-vagrant-'))
  const state = path.join(folder, 'libvirt')
  const tearDown = async () => {
    libvirt('stop', state)
    const left = libvirtHas()
    if (left.length > 0) throw new Error(`libvirt still has:\n${left.join('\n')}`)
    await rm(folder, { recursive: true, force: true })
  }
  const testbed = async (...args: string[]) => {
    const { exitCode, stderr } = await runCommandLine(args, { cwd: folder })
    if (exitCode !== 0) throw new Error(`testbed ${args.join(' ')} failed:\n${stderr.slice(-4000)}`)
  }
  try {
    await testbed('doctor', '--testbed', 'qemu', '--install')
    libvirt('install')
    libvirt('start', state)
    // The user's own boxes and plug-ins are not touched. Tests and what they start inherit it.
    process.env.VAGRANT_HOME = path.join(folder, 'vagrant.d')
    await testbed('image', 'box', '--install')
  } catch (error) {
    await tearDown()
    throw error
  }
  return tearDown
}

function libvirt(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync('sh', [script, ...args], { encoding: 'utf8' })
  if (status === 0) return stdout
  throw new Error(`test/vm/libvirt.sh ${args.join(' ')} failed:\n${stdout}${stderr}`)
}
