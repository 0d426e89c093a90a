import { join } from 'node:path'
import { packageRoot } from '../../config/paths.ts'
import { loadTestbed } from '../../config/testbed.ts'
import { TestbedError } from '../../core/errors.ts'
import { exists } from '../../core/exists.ts'
import { runAttached } from '../../core/process.ts'
import { kubeconfigOf } from '../../provision/kubernetes/cluster.ts'
import { ensureKubernetes } from '../../provision/kubernetes/program.ts'
import { cacheFolder, stateFolderOf } from '../../testbed/state.ts'
import type { Session } from '../session.ts'

/** Exit code is that of kubectl. */
export async function kubectl(
  { signal }: Session,
  options: { testbed: string },
  args: readonly string[],
): Promise<number> {
  const { value } = await loadTestbed(options.testbed)
  const kubeconfig = kubeconfigOf(stateFolderOf(value.name))
  if (!(await exists(kubeconfig))) {
    throw new TestbedError('configuration', `testbed ${value.name} has no cluster`, {
      hint: 'bring it up with one: testbed up --with kubernetes',
    })
  }
  const context = { projectFolder: packageRoot, cacheFolder: cacheFolder(), progress: () => {} }
  const { folder } = await ensureKubernetes(context, value, signal)
  return await runAttached([join(folder, 'kube'), 'kubectl', '--kubeconfig', kubeconfig, ...args])
}
