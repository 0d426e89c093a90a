import type { ResolvedTestbed } from '../../src/config/resolved.ts'
import type { ProviderContext } from '../../src/providers/provider.ts'
import { chooseHypervisor } from '../../src/providers/vagrant/fleet.ts'
import { vagrantNames } from '../../src/providers/vagrant/names.ts'
import { createVagrantProvider } from '../../src/providers/vagrant/provider.ts'
import { vagrant } from '../../src/providers/vagrant/vagrant.ts'
import startLibvirt from '../../test/vm/libvirt.ts'

/**
 * Brings the testbed's hosts up with real Vagrant on libvirt, which it starts where none answers, and measures what
 * `vagrant destroy -f && vagrant up` of them takes. Leaves nothing.
 * @param testbed has to name the box that test/vm/libvirt.ts makes, `vagrantSettings` there
 */
export async function timeVagrantRebuild(
  testbed: ResolvedTestbed,
  context: ProviderContext,
  signal: AbortSignal,
): Promise<{ readonly destroySeconds: number; readonly upSeconds: number }> {
  const stopLibvirt = await startLibvirt()
  const provider = createVagrantProvider(context)
  try {
    await provider.create(testbed, signal)
    const names = vagrantNames(context.stateFolder)
    const hypervisor = (await chooseHypervisor(names, testbed)).name
    const time = async (...args: [string, ...string[]]) => {
      const started = performance.now()
      await vagrant(context, names, { args, hypervisor, timeoutMs: 20 * 60_000, signal })
      return (performance.now() - started) / 1000
    }
    const destroySeconds = await time('destroy', '-f')
    return { destroySeconds, upSeconds: await time('up', '--parallel') }
  } finally {
    await provider.destroy(testbed.name).finally(stopLibvirt)
  }
}
