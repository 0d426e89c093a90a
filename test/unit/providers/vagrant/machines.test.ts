import path from 'node:path'
import { expect, test } from 'vitest'
import { packageRoot } from '../../../../src/config/paths.ts'
import { loadTestbed } from '../../../../src/config/testbed.ts'
import { networkConflicts } from '../../../../src/providers/vagrant/conflicts.ts'
import { machinesOf } from '../../../../src/providers/vagrant/machines.ts'
import { namesWith, vagrantNames } from '../../../../src/providers/vagrant/names.ts'
import { listComponents } from '../../../../src/provision/components.ts'

const { value: testbed } = await loadTestbed('default')
const names = vagrantNames('/somewhere/.testbed/default')
const identity = { machineId: 'ab12', publicKey: 'ssh-ed25519 AAAA', hostPrivateKey: 'PRIVATE\nKEY\n' }
const identities = { 'host-a': identity, 'host-b': identity }

test('the data of plain vagrant up says what testbed/default.yaml does (vitest -u writes it)', async () => {
  const components = await listComponents(packageRoot)
  const wanted = components.filter(({ name }) => ['base', ...testbed.components].includes(name))
  const scripts = wanted.flatMap(({ folder, name }) => [
    `${folder}/install.sh`,
    ...(name === 'docker' ? [`${folder}/configure.sh`] : []),
    `${folder}/verify.sh`,
  ])
  const plain = machinesOf(testbed, namesWith('migration-testbed_', '/'), { accelerator: 'kvm', scripts })
  const file = path.join(packageRoot, 'testbed', 'vagrant.json')
  await expect(`${JSON.stringify(plain, undefined, 2)}\n`).toMatchFileSnapshot(file)
  // VirtualBox allows its networks without being asked to.
  expect(networkConflicts(testbed, 'virtualbox', [], [])).toEqual([])
})

test('a host has its addresses, and MACs that follow from them, all different', () => {
  const { hosts, prefix } = machinesOf(testbed, names, { accelerator: 'tcg', identities })
  const [a] = hosts
  const [host] = testbed.hosts
  expect(a?.machine).toBe(`${prefix}host-a`)
  expect(a?.networks.map(({ address }) => address)).toEqual([host?.mgmtAddress, host?.serviceAddress])
  expect(a?.networks.map(({ netmask }) => netmask)).toEqual(['255.255.255.0', '255.255.255.0'])
  const macs = hosts.flatMap(({ networks, natMac, settings }) => [
    ...networks.map(({ mac }) => mac),
    natMac,
    settings.TESTBED_SERVICE_MAC?.replaceAll(':', ''),
  ])
  expect(new Set([...macs, testbed.networks.service.workloadMac.replaceAll(':', '')]).size).toBe(9)
  // Unicast, locally administered: VirtualBox refuses others.
  expect(macs.every((mac) => /^[0-9a-f][26ae][0-9a-f]{10}$/.test(mac ?? ''))).toBe(true)
})

test('what a guest is told survives the double quotes that Vagrant puts it in', () => {
  const { hosts } = machinesOf(testbed, names, { accelerator: 'tcg', identities })
  const values = hosts.flatMap(({ settings }) => Object.values(settings))
  expect(values.filter((value) => /["$`\\\n]/.test(value))).toEqual([])
  expect(Buffer.from(hosts[0]?.settings.TESTBED_HOST_KEY ?? '', 'base64').toString()).toBe('PRIVATE\nKEY\n')
})

test('the accelerator decides driver and processor', () => {
  expect(machinesOf(testbed, names, { accelerator: 'kvm' }).libvirt).toMatchObject({
    driver: 'kvm',
    cpuMode: 'host-passthrough',
  })
  expect(machinesOf(testbed, names, { accelerator: 'tcg' }).libvirt).toMatchObject({
    driver: 'qemu',
    cpuMode: 'maximum',
  })
})

test('the box is the testbed’s, else the hypervisor’s', () => {
  const options = { accelerator: 'kvm' } as const
  const own = { ...testbed, vagrant: { ...testbed.vagrant, box: 'me/mine', boxVersion: '2' } }
  expect(machinesOf(own, names, options).libvirt).toMatchObject({ box: 'me/mine', boxVersion: '2' })
  expect(machinesOf(testbed, names, options).libvirt.box).toBe('cloud-image/ubuntu-24.04')
  expect(machinesOf(testbed, names, options).virtualbox.box).toBe('bento/ubuntu-24.04')
})
