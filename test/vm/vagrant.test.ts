import { createVagrantProvider } from '../../src/providers/vagrant/provider.ts'
import { describeProvider } from '../support/provider-contract.ts'
import { makeTestbedFolder } from '../support/testbed-folder.ts'
import { vagrantSettings } from './libvirt.ts'

describeProvider('vagrant', async (hosts) => {
  const folder = await makeTestbedFolder(40 + hosts, hosts, {
    provider: 'vagrant',
    settings: vagrantSettings,
  })
  return { folder, provider: createVagrantProvider(folder.context()), testbed: await folder.resolved() }
})
