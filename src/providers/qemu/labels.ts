import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { HostName } from '../../config/resolved.ts'
import { digestOf } from '../../core/digest.ts'
import { poll } from '../../core/retry.ts'
import type { Clock } from '../../core/time.ts'

/**
 * Every QEMU carries the name of its virtual machine on its command line, `-name guest=mtb-<id>-<host>`: the kernel keeps
 * the list, so that what a crashed program has started is found again.
 */
export function labelArgument(id: string, host: HostName): string {
  return `guest=mtb-${id}-${host}`
}

/** The host whose label is among these arguments of a process, when it is one of testbed `id`. */
export function hostOfArguments(id: string, argv: readonly string[]): HostName | undefined {
  const prefix = `guest=mtb-${id}-`
  // The program before env has become QEMU has the same arguments.
  return argv.find((argument) => argument.startsWith(prefix))?.slice(prefix.length)
}

/** A running QEMU of ours. */
export interface VmProcess {
  readonly host: HostName
  readonly pid: number
  readonly argv: readonly string[]
}

/** Every QEMU of the testbed `id` that runs on this machine. */
export async function findVms(id: string): Promise<VmProcess[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const found = await Promise.all(
    pids.map(async (pid): Promise<VmProcess[]> => {
      const argv = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0')
      const host = hostOfArguments(id, argv)
      return host === undefined ? [] : [{ host, pid: Number(pid), argv }]
    }),
  )
  return found.flat()
}

/** The QEMU of one host; undefined when none runs. */
export async function findVm(id: string, host: HostName): Promise<VmProcess | undefined> {
  return (await findVms(id)).find((vm) => vm.host === host)
}

/** Kills every QEMU of the host and waits for its end: with it go its taps and its hold on the disk. */
export async function killVm(id: string, host: HostName, clock: Clock): Promise<void> {
  await poll(
    async () => {
      const own = (await findVms(id)).filter((vm) => vm.host === host)
      for (const { pid } of own) sendKill(pid)
      return own.length === 0 ? true : undefined
    },
    { what: 'end of its QEMU', where: host, timeoutMs: 15_000, intervalMs: 20, clock },
  )
}

function sendKill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Of a tap as it is made; at most 15 characters. In the switch it gets the name of a host's port. */
export function tapName(id: string, network: string, host: HostName): string {
  return `${network.charAt(0)}${id}${digestOf(host, 8)}`
}

/** A socket's path may have 108 bytes and a state folder's path may be longer: through /proc it is always short. */
export function qmpSocket(pid: number): string {
  return join('/proc', String(pid), 'cwd', 'qmp.sock')
}
