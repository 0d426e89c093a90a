import { createQemuProvider } from '../../src/providers/qemu/provider.ts'
import { describeProvider } from '../support/provider-contract.ts'
import { makeTestbedFolder } from '../support/testbed-folder.ts'

const settings = 'image: debian-13\nvm: { memory: 768MiB }\n'

await describeProvider(
  'qemu',
  async (hosts) => {
    const folder = await makeTestbedFolder(20 + hosts, hosts, { provider: 'qemu', settings })
    return { folder, provider: createQemuProvider(folder.context()), testbed: await folder.resolved() }
  },
  { createMs: 400_000, provisionMs: 400_000, twoHostsOnly: true },
)
