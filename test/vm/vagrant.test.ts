import { createVagrantProvider } from '../../src/providers/vagrant/provider.ts'
import { describeProvider } from '../support/provider-contract.ts'
import { makeTestbedFolder } from '../support/testbed-folder.ts'
import { vagrantSettings } from './libvirt.ts'

// Hosts are killed and made again here, ten times over: of two emulated processors one now and then stands still for minutes
// while the guest boots.
const settings = vagrantSettings.replace('vm: {', 'vm: { cpus: 1,')

await describeProvider(
  'vagrant',
  async (hosts) => {
    const folder = await makeTestbedFolder(70 + hosts, hosts, { provider: 'vagrant', settings })
    return { folder, provider: createVagrantProvider(folder.context()), testbed: await folder.resolved() }
  },
  // Vagrant boots two emulated machines in minutes; a third would have no processor.
  { createMs: 20 * 60_000, provisionMs: 10 * 60_000, twoHostsOnly: true },
)
