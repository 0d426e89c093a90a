import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { packageRoot } from '../../src/config/paths.ts'
import type { ProviderName, ResolvedTestbed } from '../../src/config/resolved.ts'
import type { HostAddress } from '../../src/hosts/address.ts'
import { connectHost, type SshHost } from '../../src/hosts/ssh-host.ts'
import type { Provider } from '../../src/providers/provider.ts'
import { readFacts } from '../../src/provision/facts.ts'
import { provisionHost } from '../../src/provision/provision.ts'
import { bakeOnce } from '../../src/testbed/ready.ts'
import { cacheFolder } from '../../src/testbed/state.ts'
import { describeOnHosts, lacks } from './requirements.ts'
import type { TestbedFolder } from './testbed-folder.ts'

const never = new AbortController().signal
const markFile = '/run/contract-mark'

export interface ProviderUnderTest {
  readonly provider: Provider
  readonly testbed: ResolvedTestbed
  /** Of the testbed: commands run in it bring up the same hosts as `provider` does. */
  readonly folder: TestbedFolder
}

export interface ContractOptions {
  /** How long a host may take until it is made: machines that boot under emulation take minutes. */
  readonly createMs?: number
  /** Until it has been provisioned. */
  readonly provisionMs?: number
  /** Hosts are dear: no testbed of three. */
  readonly twoHostsOnly?: boolean
  /** The hosts are there without the provider: it takes off them what it made, and leaves everything else. */
  readonly existing?: boolean
}

/**
 * What every provider has to keep, whatever its hosts are made of. Hosts are made from nothing once: booting is dear.
 * @param make a provider with a testbed of that many hosts, of which nothing is made yet
 */
export async function describeProvider(
  name: ProviderName,
  make: (hosts: number) => Promise<ProviderUnderTest>,
  { createMs = 120_000, provisionMs = 120_000, twoHostsOnly = false, existing = false }: ContractOptions = {},
): Promise<void> {
  const missing = await lacks(name)
  const body = () => {
    let two: ProviderUnderTest
    let scratch: string
    const connections: SshHost[] = []

    beforeAll(async () => {
      two = await make(2)
      scratch = await mkdtemp(path.join(tmpdir(), 'contract-'))
      await bakeOnce(two.provider, two.testbed, { progress: () => {}, signal: never })
    })

    afterAll(async () => {
      for (const connection of connections) connection.close()
      await two.folder.remove()
      await rm(scratch, { recursive: true, force: true })
    })

    const create = () => two.provider.create(two.testbed, never)
    const states = async () =>
      Object.fromEntries((await two.provider.list(two.testbed.name)).map((host) => [host.name, host.state]))
    const connectAll = async (addresses: readonly HostAddress[]) => {
      const hosts = await Promise.all(addresses.map((address) => connectHost(address)))
      connections.push(...hosts)
      return hosts
    }
    /** A file in memory: gone when a host was started again, or put back to what was saved before. */
    const mark = async (hosts: readonly SshHost[]) => {
      await Promise.all(hosts.map((host) => shell(host, `touch ${markFile}`)))
    }
    const marked = async (hosts: readonly SshHost[]) => {
      const answers = await Promise.all(hosts.map((host) => shell(host, `test ! -e ${markFile} || hostname`)))
      return answers.filter((answer) => answer !== '')
    }
    const shell = async (host: SshHost | undefined, script: string) => {
      const result = await host?.run({ argv: ['sh', '-c', script] })
      if (result?.exitCode !== 0) throw new Error(`${script}: ${result?.stderr}`)
      return result.stdout.trim()
    }

    test('has all that it needs here, and no conflict', async () => {
      const requirements = await two.provider.check()
      expect(requirements.filter((one) => !one.satisfied)).toEqual([])
      expect(requirements.every((one) => one.hint !== '')).toBe(true)
      expect(await two.provider.conflicts(two.testbed)).toEqual([])
    })

    test('lists nothing before create, and destroys nothing without complaint', async () => {
      expect(await two.provider.list(two.testbed.name)).toEqual([])
      await two.provider.destroy(two.testbed.name)
    })

    test('create that is aborted can be taken up again', { timeout: createMs }, async () => {
      const controller = new AbortController()
      setTimeout(() => controller.abort(new Error('stop')), 150)
      await expect(two.provider.create(two.testbed, controller.signal)).rejects.toThrow('stop')
      await create()
      expect(await states()).toEqual({ 'host-a': 'running', 'host-b': 'running' })
    })

    test('create answers when every host accepts SSH under its own name', async () => {
      const addresses = await create()
      expect(addresses.map((one) => one.name)).toEqual(['host-a', 'host-b'])
      const hosts = await connectAll(addresses)
      expect(await Promise.all(hosts.map((host) => shell(host, 'hostname')))).toEqual(['host-a', 'host-b'])
      expect(await states()).toEqual({ 'host-a': 'running', 'host-b': 'running' })
    })

    test('create again leaves the hosts running as they are', async () => {
      await mark(await connectAll(await create()))
      expect(await marked(await connectAll(await create()))).toEqual(['host-a', 'host-b'])
    })

    test('every host can be provisioned, and then be saved', { timeout: provisionMs }, async () => {
      const options = {
        projectFolder: packageRoot,
        cacheFolder: cacheFolder(),
        logFolder: scratch,
        progress: () => {},
        signal: never,
      }
      const hosts = await connectAll(await create())
      await Promise.all(hosts.map((host) => provisionHost(host, two.testbed, options)))
      await Promise.all(hosts.map((host) => shell(host, `rm -f ${markFile}`)))
      await two.provider.snapshots?.save(two.testbed, ['host-a', 'host-b'], never)
    })

    test('facts can be read on every host', async () => {
      for (const host of await connectAll(await create())) {
        const facts = await readFacts(host, never)
        expect(facts.docker?.experimental).toBe(true)
        expect(facts.kernel).toMatch(/^\d+\.\d+/)
        expect(facts.cpus).toBeGreaterThan(0)
        expect(facts.memoryBytes).toBeGreaterThan(2 ** 28)
        expect(Object.keys(facts.versions)).toEqual(
          expect.arrayContaining(['containerd', 'criu', 'dockerd', 'runc', 'socat']),
        )
        expect(Object.keys(facts.criuFeatures).length).toBeGreaterThan(10)
      }
    })

    test('hosts reach each other and the client on both networks', async () => {
      const hosts = await connectAll(await create())
      const { mgmt, service } = two.testbed.networks
      for (const host of hosts) {
        for (const other of two.testbed.hosts.filter(({ name }) => name !== host.name)) {
          await shell(host, `arping -c 1 -w 5 -I svc0 ${other.serviceAddress}`)
          expect(await shell(host, `getent hosts ${other.name}`)).toContain(other.mgmtAddress)
          await shell(host, `socat -u OPEN:/dev/null TCP4:${other.mgmtAddress}:22,connect-timeout=5`)
        }
        await shell(host, `arping -c 1 -w 5 -I mgmt0 ${mgmt.machineAddress}`)
        await shell(host, `arping -c 1 -w 5 -I svc0 ${service.machineAddress}`)
      }
    })

    test('files go there and come back unchanged', async () => {
      const [host] = await connectAll(await create())
      const bytes = randomBytes(3_000_001)
      await writeFile(path.join(scratch, 'there'), bytes)
      await host?.put(path.join(scratch, 'there'), '/root/there')
      await host?.get('/root/there', path.join(scratch, 'back'))
      expect((await readFile(path.join(scratch, 'back'))).equals(bytes)).toBe(true)
      await expect(host?.get('/root/nothing', path.join(scratch, 'nothing'))).rejects.toMatchObject({
        message: 'a file could not be transferred',
        parts: { where: 'host-a' },
      })
    })

    test('a host that was killed is dead, its neighbour runs on, and create completes the testbed', async () => {
      await mark(await connectAll(await create()))
      await two.provider.kill('host-a')
      expect(await states()).toEqual({ 'host-a': 'dead', 'host-b': 'running' })
      const hosts = await connectAll(await create())
      expect(await states()).toEqual({ 'host-a': 'running', 'host-b': 'running' })
      expect(await marked(hosts)).toEqual(['host-b'])
    })

    test('reset gives the same host anew, freshly provisioned, and touches no other', async () => {
      const addresses = await create()
      const hosts = await connectAll(addresses)
      await mark(hosts)
      const identity =
        'hostname; cat /etc/machine-id /etc/ssh/*.pub /sys/class/net/mgmt0/address /sys/class/net/svc0/address; for name in mgmt0 svc0; do ip -4 -o address show $name; done | awk "{ print \\$2, \\$4 }"'
      const was = await shell(hosts[0], identity)
      const places = existing ? '/var/lib/migration-testbed' : '/root /var/lib/docker'
      for (const host of hosts) await shell(host, `for place in ${places}; do touch $place/made-before; done`)

      const reset = await two.provider.reset(two.testbed, ['host-a'], never)
      expect(reset).toEqual(addresses.slice(0, 1))
      const [fresh] = await connectAll(reset)
      expect(await shell(fresh, identity)).toBe(was)
      expect(await shell(fresh, `ls ${places}`)).not.toContain('made-before')
      await shell(fresh, 'dockerd --version && criu --version')
      expect(await shell(hosts[1], `ls ${places}`)).toContain('made-before')
      const running = existing ? ['host-a', 'host-b'] : ['host-b']
      expect(await marked([fresh, hosts[1]].filter((host) => host !== undefined))).toEqual(running)
      await expect(two.provider.reset(two.testbed, ['host-z'], never)).rejects.toMatchObject({
        kind: 'configuration',
      })
    })

    test('destroy removes what a crash in the middle of create has left', async () => {
      await two.provider.destroy(two.testbed.name)
      const { child, says, ended } = two.folder.start({}, 'up', '--provider', name)
      expect(await says(existing ? /host-b: join the networks/ : /host-b: start/)).toBe(true)
      await delay(100)
      child.kill('SIGKILL')
      await ended
      expect(Object.keys(await states())).not.toEqual([])
      await two.provider.destroy(two.testbed.name)
      expect(await two.provider.list(two.testbed.name)).toEqual([])
    })

    if (twoHostsOnly) return

    test('three hosts too', async () => {
      const three = await make(3)
      try {
        const hosts = await connectAll(await three.provider.create(three.testbed, never))
        expect(hosts.map((host) => host.name)).toEqual(['host-a', 'host-b', 'host-c'])
        expect(await shell(hosts[2], 'cat /etc/hosts')).toContain('host-a')
        await three.provider.destroy(three.testbed.name)
        expect(await three.provider.list(three.testbed.name)).toEqual([])
      } finally {
        await three.folder.remove()
      }
    })
  }
  describeOnHosts(`provider ${name}`, body, missing)
}
