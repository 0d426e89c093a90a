import { mkdir, rm } from 'node:fs/promises'
import type { ProviderName, TestbedName } from '../config/resolved.ts'
import { exists } from '../core/exists.ts'
import type { Progress } from '../core/progress.ts'
import { findOwners } from '../providers/local/owners.ts'
import { automatic, makeProvider } from '../providers/select.ts'
import { contextFor } from './context.ts'
import { lockTestbed, readState, removeState, stateFolderOf } from './state.ts'

export interface DownOptions {
  /** Where nothing is written down about the testbed: the provider of its file. */
  readonly provider: ProviderName | 'auto'
  readonly progress: Progress
  /** Where a testbed of another working directory is known to be; absolute. */
  readonly stateFolder?: string
}

/** Those that may have made the testbed's hosts. */
function providersFor(provider: ProviderName | 'auto'): readonly ProviderName[] {
  return provider === 'auto' ? [...new Set(automatic.map(({ name }) => name))] : [provider]
}

/** Removes everything of a testbed but caches and results, also what a crash has left. Answers whether there was anything. */
export async function takeDown(name: TestbedName, options: DownOptions): Promise<boolean> {
  const { stateFolder = stateFolderOf(name) } = options
  const state = await readState(name, stateFolder).catch(() => undefined)
  const context = contextFor(name, options.progress, stateFolder)
  const providers = providersFor(state?.provider ?? options.provider).map((one) => makeProvider(one, context))
  // Where the state was deleted by hand the hosts may still be there: they are found by their names.
  if (options.stateFolder === undefined && !(await exists(stateFolder))) {
    const found = await Promise.all(providers.map((provider) => provider.list(name)))
    if (found.flat().length === 0) return false
  }
  // Of a working directory that is gone nothing may come back.
  const made = await mkdir(stateFolder, { recursive: true })
  const unlock = await lockTestbed(name, stateFolder)
  try {
    for (const provider of providers) await provider.destroy(name)
  } finally {
    await unlock()
  }
  await removeState(stateFolder)
  if (made !== undefined) await rm(made, { recursive: true, force: true })
  return true
}

/** Where a testbed of this machine was made: its name and its state folder. */
export interface Removed {
  readonly name: TestbedName
  readonly stateFolder: string
}

/**
 * Takes down every testbed with networks on this machine, from whatever working directory it was made.
 * @throws TestbedError `busy` when a program is at work on one of them
 */
export async function takeDownAll(progress: Progress): Promise<Removed[]> {
  const owners = await findOwners()
  for (const { name, stateFolder } of owners)
    await takeDown(name, { provider: 'auto', progress, stateFolder })
  return owners.map(({ name, stateFolder }) => ({ name, stateFolder }))
}
