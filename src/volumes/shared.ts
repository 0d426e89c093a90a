import type { Host } from '../hosts/host.ts'
import { requireHost, type VolumeContext } from './context.ts'
import { onCopy } from './copies.ts'
import type { Dataset } from './dataset.ts'

/** The host that keeps the files of a dataset; undefined where every copy has its own. @throws TestbedError when it does not run */
export function homeOf(context: VolumeContext, { home }: Dataset): Host | undefined {
  return home === undefined ? undefined : requireHost(context, home)
}

/**
 * Has the host that keeps the files let one host come to them, or none, and nobody else from here on, whatever they still have
 * mounted. Nothing is done where every copy has its own files. @throws TestbedError
 */
export async function letIn(
  context: VolumeContext,
  dataset: Dataset,
  host: Host | undefined,
  signal: AbortSignal,
): Promise<void> {
  const home = homeOf(context, dataset)
  if (home === undefined) return
  await onCopy(home, 'serving of the files', ['serve', dataset.id, host?.address ?? 'nobody'], signal)
}
