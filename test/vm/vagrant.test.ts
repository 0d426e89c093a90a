import { createVagrantProvider } from '../../src/providers/vagrant/provider.ts'
import { describeProvider } from '../support/provider-contract.ts'
import { makeTestbedFolder } from '../support/testbed-folder.ts'
import { vagrantSettings } from './libvirt.ts'

await describeProvider(
  'vagrant',
  async (hosts) => {
    const folder = await makeTestbedFolder(70 + hosts, hosts, {
      provider: 'vagrant',
      settings: vagrantSettings,
    })
    return { folder, provider: createVagrantProvider(folder.context()), testbed: await folder.resolved() }
  },
  // Vagrant boots two emulated machines in minutes; a third would have no processor.
  { createMs: 20 * 60_000, provisionMs: 10 * 60_000, twoHostsOnly: true },
)
