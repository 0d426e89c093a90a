import type { ResolvedTestbed } from '../../config/resolved.ts'
import type { Progress } from '../../core/progress.ts'
import { ensureK3s } from './k3s.ts'
import { ensureKubeadm } from './kubeadm.ts'
import { ensureModules, haveModules } from './modules.ts'

/** What a node of a cluster runs, in a folder of the cache. */
export interface KubernetesProgram {
  readonly source: 'modules' | 'k3s' | 'kubeadm'
  readonly folder: string
  /** Those in the folder; `kube` is always there, and is `kubectl` too. */
  readonly programs: readonly string[]
  /** `1.34.4` */
  readonly version: string
  readonly digest: string
}

export interface ProgramContext {
  readonly projectFolder: string
  readonly cacheFolder: string
  readonly progress: Progress
}

/**
 * Kubernetes from where the testbed's file says, or from where it can be had.
 * @throws TestbedError naming what is missing, and what else could be taken
 */
export async function ensureKubernetes(
  context: ProgramContext,
  { sources, k3s, kubeadm }: Pick<ResolvedTestbed, 'sources' | 'k3s' | 'kubeadm'>,
  signal: AbortSignal,
): Promise<KubernetesProgram> {
  const { kubernetes: wanted } = sources
  if (wanted === 'kubeadm') return await ensureKubeadm(context, kubeadm, signal)
  if (wanted === 'k3s' || (wanted === 'auto' && !(await haveModules(context, signal))))
    return await ensureK3s(context, k3s, signal)
  return await ensureModules(context, signal)
}
