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
  if (!(await stateExists(name))) return false
  const unlock = await lockTestbed(name)
  try {
    const state = await readState(name).catch(() => undefined)
    const { provider } = await selectProvider(
      state?.provider ?? options.provider,
      contextFor(name, options.progress),
    )
    await provider.destroy(name)
  } finally {
    await unlock()
  }
  await removeState(name)
  return true
}
