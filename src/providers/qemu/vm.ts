import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { HostName } from '../../config/resolved.ts'
import { TestbedError } from '../../core/errors.ts'
import { lastLines, startDetached } from '../../core/process.ts'
import { poll } from '../../core/retry.ts'
import type { HostAddress } from '../../hosts/address.ts'
import type { Names } from '../local/names.ts'
import type { ProviderContext } from '../provider.ts'
import { findVm, killVm, qmpSocket, type VmProcess } from './labels.ts'
import { type Qmp, withQmp } from './qmp.ts'
import { greets, letsUsIn, refuses } from './ssh.ts'

/** From the start of QEMU until its monitor answers. */
const startMs = 30_000
const answerMs = 30_000
/** Emulated, two machines at once on two processors need 50 s; a loaded machine several times that. */
const bootMs = 300_000
const restoredMs = 30_000
/** How often it is looked: a boot takes a minute, a restored machine answers within a second. */
const bootPollMs = 200
const restoredPollMs = 50

export interface VmContext {
  readonly context: ProviderContext
  readonly names: Names
  readonly host: HostName
}

const consoleLog = ({ names, host }: VmContext) => join(names.logs(host), 'serial.log')
const qemuLog = ({ names, host }: VmContext) => join(names.logs(host), 'qemu.log')

/** Of the guest's serial console, as QEMU finds it from the host's own folder. */
export const consoleLogFor = (host: HostName) => join('..', '..', 'logs', host, 'serial.log')

/** Starts QEMU; the machine stands still until `resume`. @throws TestbedError with what QEMU said when it ends at once */
export async function startQemu(
  vm: VmContext,
  argv: readonly string[],
  signal: AbortSignal,
): Promise<VmProcess> {
  const { names, host, context } = vm
  const folder = names.folder(host)
  await mkdir(names.logs(host), { recursive: true })
  await rm(join(folder, 'qmp.sock'), { force: true })
  await Promise.all([consoleLog(vm), qemuLog(vm)].map((log) => writeFile(log, '')))
  await startDetached(['env', '-C', folder, 'qemu-system-x86_64', ...argv], qemuLog(vm))
  let seen = false
  const answers = await poll(
    async () => {
      const found = await findVm(names.id, host)
      if (found === undefined) return seen ? ('ended' as const) : undefined
      seen = true
      await withQmp(qmpSocket(found.pid), { host, timeoutMs: 2_000, signal }, (qmp) =>
        qmp.ask('query-status'),
      )
      return found
    },
    {
      what: 'start of QEMU',
      where: host,
      timeoutMs: startMs,
      intervalMs: 20,
      clock: context.clock,
      signal,
    },
  ).catch(async (error: unknown) => {
    // One that ends within a blink is never seen.
    throw signal.aborted || (await findVm(names.id, host)) !== undefined ? error : await notStarted(vm)
  })
  if (answers === 'ended') throw await notStarted(vm)
  return answers
}

async function notStarted(vm: VmContext): Promise<TestbedError> {
  return new TestbedError('testbed', 'QEMU did not start', {
    where: vm.host,
    why: await tail(qemuLog(vm)),
    hint: 'testbed doctor tells what this machine lacks; df and free tell whether disk or memory is full',
    log: qemuLog(vm),
  })
}

/** A conversation with the QEMU of a host. */
export async function talkTo<Result>(
  { host }: VmContext,
  { pid }: VmProcess,
  signal: AbortSignal,
  talk: (qmp: Qmp) => Promise<Result>,
): Promise<Result> {
  return await withQmp(qmpSocket(pid), { host, timeoutMs: answerMs, signal }, talk)
}

export async function resume(vm: VmContext, process: VmProcess, signal: AbortSignal): Promise<void> {
  await whileItRuns(vm, signal, () => talkTo(vm, process, signal, (qmp) => qmp.ask('cont')))
}

/** Does what needs the host's QEMU. @throws TestbedError that names its end, where that is why it failed */
export async function whileItRuns<Result>(
  vm: VmContext,
  signal: AbortSignal,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (signal.aborted || (await findVm(vm.names.id, vm.host)) !== undefined) throw error
    throw await qemuEnded(vm, error)
  }
}

async function qemuEnded(vm: VmContext, cause?: unknown): Promise<TestbedError> {
  const hint = 'was it killed, by hand or for lack of memory? testbed up starts it again'
  return await failedMachine(vm, 'its QEMU ended', hint, cause)
}

async function failedMachine(
  vm: VmContext,
  message: string,
  hint: string,
  cause?: unknown,
): Promise<TestbedError> {
  return new TestbedError('testbed', message, {
    where: vm.host,
    why: [...reasonsOf(cause), ...(await tail(qemuLog(vm))), ...(await tail(consoleLog(vm)))],
    hint,
    log: consoleLog(vm),
    ...(cause === undefined ? {} : { cause }),
  })
}

/** What a guest does that will never again do anything by itself. */
const stuck = new Set(['io-error', 'internal-error', 'guest-panicked', 'shutdown', 'watchdog'])

/** `running`, `paused`, `io-error` …, in QEMU's words; undefined when it does not answer, which a busy one may not. */
export async function stateOf(vm: VmContext, { pid }: VmProcess): Promise<string | undefined> {
  const options = { host: vm.host, timeoutMs: 2_000 }
  return await withQmp(qmpSocket(pid), options, async (qmp) => {
    return (await qmp.ask<{ status: string }>('query-status')).status
  }).catch(() => undefined)
}

export function isStuck(state: string | undefined): boolean {
  return state !== undefined && stuck.has(state)
}

/** Waits until a host that boots accepts our key. @throws TestbedError with the end of its console */
export async function waitForBoot(vm: VmContext, address: HostAddress, signal: AbortSignal): Promise<void> {
  await waitUntil(vm, bootMs, bootPollMs, 'SSH', signal, () => letsUsIn(address, signal))
}

/** Waits until a host that was put back is reached: the rest it did before. Behind a forwarded port only sshd itself tells. */
export async function waitForRestored(
  vm: VmContext,
  address: HostAddress,
  signal: AbortSignal,
): Promise<void> {
  const reached = address.port === 22 ? refuses : greets
  await waitUntil(vm, restoredMs, restoredPollMs, 'answer after its snapshot was loaded', signal, () =>
    reached(address, signal),
  )
}

async function waitUntil(
  vm: VmContext,
  timeoutMs: number,
  intervalMs: number,
  what: string,
  signal: AbortSignal,
  ready: () => Promise<boolean>,
): Promise<void> {
  const { names, host, context } = vm
  const end = await poll(
    async () => {
      const process = await findVm(names.id, host)
      if (process === undefined) return 'ended'
      if (await ready()) return 'ready'
      const state = await stateOf(vm, process)
      return isStuck(state) ? state : undefined
    },
    { what, where: host, timeoutMs, intervalMs, clock: context.clock, signal },
  ).catch(async (error: unknown) => {
    if (signal.aborted) throw error
    const seconds = timeoutMs / 1000
    throw await failedMachine(
      vm,
      `no ${what} within ${seconds} s`,
      'the end of its console is above; testbed rebuild makes it anew',
      error,
    )
  })
  if (end === 'ready') return
  if (end === 'ended') throw await qemuEnded(vm)
  throw await failedMachine(
    vm,
    `the machine stands still (${end})`,
    end === 'io-error'
      ? 'the disk that holds the state folder is full: df tells; make room, then testbed rebuild'
      : 'the end of its console tells more; testbed rebuild makes it anew',
  )
}

/** What was last in the way, as the wait that gave up tells. */
function reasonsOf(cause: unknown): readonly string[] {
  return cause instanceof TestbedError ? (cause.parts.why ?? []) : []
}

async function tail(log: string): Promise<string[]> {
  return lastLines(await readFile(log, 'utf8').catch(() => ''))
}

/** Power off, and everything of the host but its logs. */
export async function removeVm({ context, names, host }: VmContext): Promise<void> {
  await killVm(names.id, host, context.clock)
  await rm(names.folder(host), { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
}
