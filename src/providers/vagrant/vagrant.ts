import { appendFile, mkdir, readdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { TestbedError } from '../../core/errors.ts'
import { type LocalResult, runLocal } from '../../core/process.ts'
import { poll } from '../../core/retry.ts'
import type { ProviderContext } from '../provider.ts'
import { explainFailure } from './failures.ts'
import type { HypervisorName } from './machines.ts'
import type { VagrantNames } from './names.ts'

export interface VagrantCall {
  readonly args: readonly [string, ...string[]]
  readonly hypervisor: HypervisorName
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

/**
 * Runs vagrant on the testbed's machines; everything that it says goes to `logs/vagrant.log` and, shortened, to the progress.
 * The user's boxes and plug-ins are used; what Vagrant keeps about machines stays in the testbed's own folder.
 * @throws TestbedError with what it means when vagrant fails; the signal's reason when aborted
 */
export async function vagrant(
  context: ProviderContext,
  names: VagrantNames,
  call: VagrantCall,
): Promise<LocalResult> {
  await mkdir(dirname(names.log), { recursive: true })
  const said: string[] = []
  // Lines come faster than a file takes them: one after the other keeps their order.
  let written = appendFile(names.log, `== vagrant ${call.args.join(' ')}\n`)
  const result = await runLocal(['vagrant', ...call.args], {
    cwd: context.projectFolder,
    env: environment(context, names, call.hypervisor),
    timeoutMs: call.timeoutMs,
    ...(call.signal === undefined ? {} : { signal: call.signal }),
    onLine: (line) => {
      const text = plain(line)
      if (text.trim() === '') return
      said.push(text)
      written = written.then(() => appendFile(names.log, `${text}\n`))
      context.progress(noteOf(text))
    },
  }).finally(() => written)
  if (result.exitCode === 0) return result
  const timedOut = result.exitCode === 128 ? [`it was stopped after ${call.timeoutMs / 1000} s`] : []
  throw explainFailure(call.args.join(' '), [...said, ...timedOut], names.log)
}

function environment(
  context: ProviderContext,
  names: VagrantNames,
  hypervisor: HypervisorName,
): Record<string, string> {
  return {
    TESTBED_VAGRANT: names.machinesFile,
    VAGRANT_CWD: context.projectFolder,
    VAGRANT_VAGRANTFILE: 'Vagrantfile',
    VAGRANT_DOTFILE_PATH: names.folder,
    VAGRANT_DEFAULT_PROVIDER: hypervisor,
    VAGRANT_CHECKPOINT_DISABLE: '1',
    VAGRANT_NO_COLOR: '1',
    VAGRANT_BOX_UPDATE_CHECK_DISABLE: '1',
  }
}

const control = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*[A-Za-z]`, 'g')

/** Without colours; of what was written over itself on one line only the last. */
function plain(line: string): string {
  const shown = line
    .replace(control, '')
    .split('\r')
    .filter((part) => part.trim() !== '')
  const last = shown.at(-1)?.trimEnd() ?? ''
  return last.startsWith('Progress: ') ? '' : last
}

function noteOf(text: string): { kind: 'note'; text: string; host?: string } {
  const [, host, rest] = /^(?:==> |\s+)([a-z][a-z0-9-]*): (.*)$/.exec(text) ?? []
  return host === undefined || rest === undefined
    ? { kind: 'note', text }
    : { kind: 'note', text: rest.trim(), host }
}

/**
 * Ends every vagrant that a program before this one has left at work for the testbed: it has the testbed's folder in its
 * environment. Called while the testbed is locked, so none of them is wanted.
 */
export async function killStrays(context: ProviderContext, names: VagrantNames): Promise<void> {
  await poll(
    async () => {
      const strays = await findStrays(names)
      for (const pid of strays) kill(pid)
      return strays.length === 0 ? true : undefined
    },
    { what: 'end of an older vagrant', timeoutMs: 15_000, intervalMs: 50, clock: context.clock },
  )
}

async function findStrays(names: VagrantNames): Promise<number[]> {
  const label = `VAGRANT_DOTFILE_PATH=${names.folder}`
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name))
  const found = await Promise.all(
    pids.map(async (pid) => {
      const environ = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')
      return environ.split('\0').includes(label) ? [Number(pid)] : []
    }),
  )
  return found.flat().filter((pid) => pid !== process.pid)
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') {
      throw new TestbedError('testbed', `process ${pid} of an older vagrant cannot be ended`, {
        cause: error,
        hint: 'end it by hand, then try again',
      })
    }
  }
}
