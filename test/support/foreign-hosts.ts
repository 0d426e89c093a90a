import { rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { connectHost } from '../../src/hosts/ssh-host.ts'
import { createNamespacesProvider } from '../../src/providers/namespaces/provider.ts'
import type { Provider } from '../../src/providers/provider.ts'
import { bakeOnce } from '../../src/testbed/ready.ts'
import { makeTestbedFolder, type TestbedFolder } from './testbed-folder.ts'

const never = new AbortController().signal

export interface ForeignHosts {
  /** A testbed of provider ssh whose machines they are. */
  readonly folder: TestbedFolder
  /** What makes the machines, as somebody else's. */
  readonly maker: Provider
  /** Makes those that are missing: machines with one address, and a NIC `service0` that nobody uses. */
  start(): Promise<void>
  /** Writes the testbed's file and OpenSSH's configuration. */
  configure(hosts: readonly string[], sshConfig?: string): Promise<void>
}

/** Namespace hosts that play machines which exist without us. `index` as in makeTestbedFolder. */
export async function makeForeignHosts(index: number, count = 2): Promise<ForeignHosts> {
  const theirs = await makeTestbedFolder(index, count)
  const ours = await makeTestbedFolder(index, count)
  const maker = createNamespacesProvider(theirs.context())
  const testbed = await theirs.resolved()
  await bakeOnce(maker, testbed, { progress: () => {}, signal: never })
  const start = async () => {
    const addresses = await maker.create(testbed, never)
    await writeFile(
      path.join(ours.path, 'known_hosts'),
      addresses.map(({ host, hostKey }) => `${host} ${hostKey}\n`).join(''),
    )
    for (const address of addresses) {
      const host = await connectHost(address)
      await host.run({ argv: ['sh', '-c', 'test -e /var/lib/migration-testbed/testbed || ip link del svc0'] })
      host.close()
    }
  }
  const configure = async (hosts: readonly string[], sshConfig = '') => {
    const key = path.join(theirs.context().stateFolder, 'keys', 'login')
    await writeFile(
      path.join(ours.path, 'ssh-config'),
      `IdentityFile ${key}\nUserKnownHostsFile ${ours.path}/known_hosts\n${sshConfig}`,
    )
    await writeFile(
      path.join(ours.path, ours.file),
      `name: ${ours.name}
provider: ssh
hosts:
${hosts.map((host) => `  - ${host}\n`).join('')}
ssh: { user: root, configFile: ssh-config, serviceInterface: service0 }
networks:
  mgmt: { subnet: ${testbed.networks.mgmt.subnet} }
  service: { subnet: ${testbed.networks.service.subnet} }
`,
    )
  }
  try {
    await start()
  } catch (error) {
    await maker.destroy(testbed.name)
    throw error
  }
  await configure(testbed.hosts.map(({ name, mgmtAddress }) => `{ name: ${name}, address: ${mgmtAddress} }`))
  return {
    folder: {
      ...ours,
      remove: async () => {
        await ours.remove()
        await maker.destroy(testbed.name)
        await rm(theirs.path, { recursive: true, force: true })
      },
    },
    maker,
    start,
    configure,
  }
}
