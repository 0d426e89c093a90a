import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import type { HostName, ProviderName, ResolvedTestbed, TestbedName } from '../config/resolved.ts'
import { TestbedError } from '../core/errors.ts'
import { takeLock } from '../core/lock.ts'
import type { HostAddress } from '../hosts/address.ts'
import type { Facts } from '../hosts/facts.ts'
import type { Identity } from '../hosts/identity.ts'

/** What is written down before anything is made, so that any later start finds it. */
export interface TestbedState {
  readonly version: 1
  readonly provider: ProviderName
  readonly testbed: ResolvedTestbed
  readonly createdAt: string
  /** Absent until the testbed was up once. */
  readonly facts?: Readonly<Record<HostName, Facts>>
  readonly addresses?: readonly HostAddress[]
  readonly identities?: Readonly<Record<HostName, Identity>>
}

/** `.testbed/<name>` in the working directory: keys, logs, state and the hosts' own folders. */
export function stateFolderOf(name: TestbedName): string {
  return resolve('.testbed', name)
}

/** Images and layers, shared by all testbeds of the user. */
export function cacheFolder(): string {
  const base = process.env.XDG_CACHE_HOME
  return join(base === undefined || base === '' ? join(homedir(), '.cache') : base, 'migration-testbed')
}

/** Undefined when the testbed was never brought up, or was taken down. */
export async function readState(
  name: TestbedName,
  folder = stateFolderOf(name),
): Promise<TestbedState | undefined> {
  const file = join(folder, 'testbed.json')
  try {
    return JSON.parse(await readFile(file, 'utf8')) as TestbedState
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new TestbedError('testbed', `${file} cannot be read`, {
      cause: error,
      hint: 'testbed down removes what is left of the testbed',
    })
  }
}

export async function writeState(state: TestbedState): Promise<void> {
  const folder = stateFolderOf(state.testbed.name)
  await mkdir(folder, { recursive: true })
  await writeFileAtomic(join(folder, 'testbed.json'), `${JSON.stringify(state, undefined, 2)}\n`)
}

/** Removes a testbed's folder, and `.testbed` when it was the last one. */
export async function removeState(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
  const rest = await readdir(dirname(folder)).catch(() => ['none'])
  if (rest.length === 0) await rm(dirname(folder), { recursive: true })
}

/** One program at a time changes a testbed or runs an experiment on it. @throws TestbedError `busy` */
export async function lockTestbed(
  name: TestbedName,
  folder = stateFolderOf(name),
): Promise<() => Promise<void>> {
  await mkdir(folder, { recursive: true })
  return await takeLock(join(folder, 'lock'), {
    what: `testbed ${name}`,
    hint: 'wait for it to end; testbed status tells what is up',
  })
}
