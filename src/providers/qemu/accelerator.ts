import { constants } from 'node:fs'
import { access, mkdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import type { ResolvedTestbed } from '../../config/resolved.ts'
import { digestOf } from '../../core/digest.ts'
import { TestbedError } from '../../core/errors.ts'
import { lastLines, runLocal } from '../../core/process.ts'
import type { ProviderContext } from '../provider.ts'
import type { Accelerator } from './machine.ts'
import { qemuVersion } from './version.ts'

const device = '/dev/kvm'
/** With KVM a kernel without a root disk is done in one or two seconds. */
const trialMs = 20_000

export interface Verdict {
  readonly works: boolean
  /** In words, why or why not. */
  readonly why: string
}

/**
 * Whether guests run under KVM here. That the device exists says little: it may refuse a guest's processor, or hang. So it
 * is tried, once for each kernel, QEMU and start of this machine, with a deadline.
 * @param kernel a guest's own; without one only the firmware is started
 */
export async function tryKvm(context: ProviderContext, kernel?: string): Promise<Verdict> {
  const usable = await access(device, constants.R_OK | constants.W_OK).then(
    () => undefined,
    (error: unknown) => error as NodeJS.ErrnoException,
  )
  if (usable?.code === 'ENOENT') return { works: false, why: `there is no ${device}` }
  if (usable !== undefined) {
    return {
      works: false,
      why: `${device} may not be used: add yourself to its group (usermod -aG kvm USER)`,
    }
  }
  const file = await memoryFile(context, kernel)
  const known = await readFile(file, 'utf8').catch(() => undefined)
  if (known !== undefined) return JSON.parse(known) as Verdict
  const verdict = kernel === undefined ? await tryFirmware() : await tryKernel(kernel)
  await mkdir(join(context.cacheFolder, 'kvm'), { recursive: true })
  await writeFileAtomic(file, `${JSON.stringify(verdict)}\n`)
  return verdict
}

async function memoryFile(context: ProviderContext, kernel: string | undefined): Promise<string> {
  const about = kernel === undefined ? undefined : await stat(kernel)
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8')
  const parts = [await qemuVersion(), boot.trim(), kernel, about?.size, about?.mtimeMs]
  return join(context.cacheFolder, 'kvm', `${digestOf(JSON.stringify(parts))}.json`)
}

const machine = [
  'qemu-system-x86_64',
  '-machine',
  'q35',
  '-accel',
  'kvm',
  '-cpu',
  'max',
  '-m',
  '256',
] as const
const quiet = ['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'] as const

/** A kernel that finds no root disk gives up, and with panic=-1 the machine ends: by then it has started as any guest. */
async function tryKernel(kernel: string): Promise<Verdict> {
  const options = 'console=ttyS0 panic=-1'
  const argv = [...machine, ...quiet, '-serial', 'stdio', '-kernel', kernel, '-append', options] as const
  const { exitCode, stdout, stderr } = await runLocal(argv, { timeoutMs: trialMs })
  return judge(exitCode, stderr, /Kernel panic/.test(stdout), 'a guest boots with it')
}

/** The firmware tells on its debug port that it runs. */
async function tryFirmware(): Promise<Verdict> {
  const port = ['-chardev', 'stdio,id=said', '-device', 'isa-debugcon,iobase=0x402,chardev=said'] as const
  const argv = [...machine, ...quiet, ...port] as const
  // It finds nothing to boot and waits for ever: it is stopped when it has said something.
  const enough = new AbortController()
  let said = ''
  const { exitCode, stderr } = await runLocal(argv, {
    timeoutMs: trialMs,
    signal: enough.signal,
    onLine: (line) => {
      said += `${line}\n`
      if (/SeaBIOS/.test(said)) enough.abort(new Error('it runs'))
    },
  }).catch((error: unknown) => {
    if (enough.signal.aborted) return { exitCode: 0, stderr: '' }
    throw error
  })
  return judge(exitCode, stderr, enough.signal.aborted, 'the firmware runs with it')
}

function judge(exitCode: number, stderr: string, ran: boolean, meaning: string): Verdict {
  if (ran) return { works: true, why: meaning }
  const [said] = lastLines(stderr)
  if (exitCode === 128 && said === undefined) {
    return { works: false, why: `${device} is there, but no guest got anywhere within ${trialMs / 1000} s` }
  }
  return { works: false, why: `${device} is there, but QEMU says: ${said ?? `exit ${exitCode}`}` }
}

/** @throws TestbedError `prerequisite` when the testbed asks for KVM and there is none */
export async function chooseAccelerator(
  context: ProviderContext,
  testbed: ResolvedTestbed,
  kernel?: string,
): Promise<{ readonly accelerator: Accelerator; readonly why: string }> {
  if (testbed.vm.accelerator === 'tcg') return { accelerator: 'tcg', why: 'as the testbed asks' }
  const { works, why } = await tryKvm(context, kernel)
  if (works) return { accelerator: 'kvm', why }
  if (testbed.vm.accelerator === 'auto') return { accelerator: 'tcg', why }
  throw new TestbedError('prerequisite', 'the testbed asks for KVM, which this machine cannot give', {
    where: testbed.file,
    why: [why],
    hint: 'set accelerator: auto, or enable virtualisation in the firmware (or nested, in a VM) and load kvm_intel or kvm_amd',
  })
}
