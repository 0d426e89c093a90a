import type { ProviderName, TestbedName } from '../config/resolved.ts'
import type { Progress } from '../core/progress.ts'
import { selectProvider } from '../providers/select.ts'
import { contextFor } from './context.ts'
import { lockTestbed, readState, removeState, stateExists } from './state.ts'

export interface DownOptions {
  /** Where nothing is written down about the testbed: the provider of its file. */
  readonly provider: ProviderName | 'auto'
  readonly progress: Progress
}

/** Removes everything of a testbed but caches and results, also what a crash has left. Answers whether there was anything. */
export async function takeDown(name: TestbedName, options: DownOptions): Promise<boolean> {
  const state = await readState(name).catch(() => undefined)
  const context = contextFor(name, options.progress)
  const { provider } = await selectProvider(state?.provider ?? options.provider, context)
  // Where the state was deleted by hand the hosts may still be there: they are found by their names.
  if (!(await stateExists(name)) && (await provider.list(name)).length === 0) return false
  const unlock = await lockTestbed(name)
  try {
    await provider.destroy(name)
  } finally {
    await unlock()
  }
  await removeState(name)
  return true
}
