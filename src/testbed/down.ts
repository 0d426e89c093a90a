import type { ProviderName, TestbedName } from '../config/resolved.ts'
import type { Progress } from '../core/progress.ts'
import { automatic, makeProvider } from '../providers/select.ts'
import { contextFor } from './context.ts'
import { lockTestbed, readState, removeState, stateExists } from './state.ts'

export interface DownOptions {
  /** Where nothing is written down about the testbed: the provider of its file. */
  readonly provider: ProviderName | 'auto'
  readonly progress: Progress
}

/** Those that may have made the testbed's hosts. */
function providersFor(provider: ProviderName | 'auto'): readonly ProviderName[] {
  return provider === 'auto' ? [...new Set(automatic.map(({ name }) => name))] : [provider]
}

/** Removes everything of a testbed but caches and results, also what a crash has left. Answers whether there was anything. */
export async function takeDown(name: TestbedName, options: DownOptions): Promise<boolean> {
  const state = await readState(name).catch(() => undefined)
  const context = contextFor(name, options.progress)
  const providers = providersFor(state?.provider ?? options.provider).map((one) => makeProvider(one, context))
  // Where the state was deleted by hand the hosts may still be there: they are found by their names.
  if (!(await stateExists(name))) {
    const found = await Promise.all(providers.map((provider) => provider.list(name)))
    if (found.flat().length === 0) return false
  }
  const unlock = await lockTestbed(name)
  try {
    for (const provider of providers) await provider.destroy(name)
  } finally {
    await unlock()
  }
  await removeState(name)
  return true
}
