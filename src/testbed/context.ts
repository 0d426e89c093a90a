import { packageRoot } from '../config/paths.ts'
import type { TestbedName } from '../config/resolved.ts'
import type { Progress } from '../core/progress.ts'
import { systemClock } from '../core/time.ts'
import type { ProviderContext } from '../providers/provider.ts'
import { cacheFolder, stateFolderOf } from './state.ts'

export function contextFor(
  name: TestbedName,
  progress: Progress,
  stateFolder = stateFolderOf(name),
): ProviderContext {
  return {
    stateFolder,
    cacheFolder: cacheFolder(),
    projectFolder: packageRoot,
    progress,
    clock: systemClock,
  }
}
