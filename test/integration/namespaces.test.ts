import { createNamespacesProvider } from '../../src/providers/namespaces/provider.ts'
import { describeProvider } from '../support/provider-contract.ts'
import { makeTestbedFolder } from '../support/testbed-folder.ts'

await describeProvider('namespaces', async (hosts) => {
  const folder = await makeTestbedFolder(10 + hosts, hosts)
  return { folder, provider: createNamespacesProvider(folder.context()), testbed: await folder.resolved() }
})
