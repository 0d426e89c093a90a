import { mustRunLocal, runLocal } from '../../core/process.ts'
import type { FoundMachine, Hypervisor, HypervisorCheck } from './hypervisor.ts'

const timeoutMs = 60_000

/** VirtualBox, asked through VBoxManage. */
export async function findVirtualBox(): Promise<HypervisorCheck> {
  const { exitCode, stdout } = await manage(['--version'], 10_000)
  // A kernel without its module is told as a warning before the version.
  const module = /WARNING: The (vboxdrv kernel module|character device \/dev\/vboxdrv)/.test(stdout)
  return {
    hypervisor: { ...virtualbox, name: 'virtualbox' },
    requirement: {
      name: 'VirtualBox',
      satisfied: exitCode === 0 && !module,
      hint: module
        ? 'its kernel module is not loaded: sudo /sbin/vboxconfig, then look at VBoxManage --version'
        : 'the package virtualbox, or virtualbox.org/wiki/Downloads',
    },
  }
}

const virtualbox: Omit<Hypervisor, 'name'> = {
  machines: async ({ prefix }) => {
    const all = entries((await manage(['list', 'vms'])).stdout)
    const running = new Set(entries((await manage(['list', 'runningvms'])).stdout).map(({ id }) => id))
    return all
      .filter(({ name }) => name.startsWith(prefix))
      .map((machine): FoundMachine => ({ ...machine, running: running.has(machine.id) }))
  },
  powerOff: async (machine) => {
    await manage(['controlvm', machine, 'poweroff'])
  },
  remove: async (machine) => {
    if (!entries((await manage(['list', 'vms'])).stdout).some(({ name }) => name === machine)) return
    await manage(['controlvm', machine, 'poweroff'])
    await mustRunLocal(['VBoxManage', 'unregistervm', machine, '--delete'], {
      timeoutMs,
      what: `removal of ${machine}`,
      hint: 'the VirtualBox window shows what holds it',
    })
  },
  // Disks go with their machine; host-only interfaces belong to no testbed: Vagrant uses one again when the address fits.
  removeRest: async () => {},
  links: async () => {
    const { stdout } = await manage(['list', 'hostonlyifs'])
    return [...stdout.matchAll(/^Name:\s+(\S+)/gm)].flatMap(([, name]) => name ?? [])
  },
  // Vagrant imports the box in one command of VirtualBox's.
  boxImages: async () => [],
  hasSnapshot: async (machine, snapshot) => {
    const { stdout } = await manage(['snapshot', machine, 'list', '--machinereadable'])
    return stdout.split('\n').some((line) => /^SnapshotName/.test(line) && line.includes(`="${snapshot}"`))
  },
}

/** `"name" {uuid}`, one a line. */
function entries(text: string): { name: string; id: string }[] {
  return [...text.matchAll(/^"(.+)" \{([0-9a-f-]+)\}$/gm)].map(([, name = '', id = '']) => ({ name, id }))
}

async function manage(args: readonly string[], limitMs = timeoutMs) {
  return await runLocal(['VBoxManage', ...args], { timeoutMs: limitMs, env: { LC_ALL: 'C' } })
}
