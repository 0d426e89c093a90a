import { expect, test } from 'vitest'
import { judgeMachines } from '../../../src/providers/ssh/judge.ts'
import { parseSurvey, type Survey } from '../../../src/providers/ssh/survey.ts'
import { resolvedTestbed } from '../experiments/fakes.ts'

const hosts = resolvedTestbed.hosts.map((host, index) => ({
  ...host,
  machine: { address: `192.168.7.1${index}`, serviceInterface: 'eth1' },
}))
const testbed = { ...resolvedTestbed, provider: 'ssh' as const, hosts }

function surveyOf(index: number, changes: Partial<Survey> = {}): Survey {
  const address = `192.168.7.1${index}`
  const name = hosts[index]?.name ?? ''
  return {
    name,
    address: {
      name,
      host: address,
      port: 22,
      user: 'root',
      hostKey: 'ssh-ed25519 AAAA',
      mgmtAddress: address,
    },
    session: { address, port: 22 },
    machineId: `id-${index}`,
    distribution: 'debian',
    version: '13',
    freeBytes: 2 ** 40,
    links: [
      { name: 'eth0', addresses: [`${address}/24`] },
      { name: 'eth1', addresses: [] },
    ],
    routes: [
      { destination: 'default', link: 'eth0' },
      { destination: '192.168.7.0/24', link: 'eth0' },
    ],
    ...changes,
  }
}

function judge(changes: Partial<Survey> = {}) {
  const surveys = [surveyOf(0, changes), surveyOf(1)]
  return judgeMachines({ testbed, id: 'me', surveys, ownMachineId: 'client' })
}

test('two sound machines', () => {
  expect(judge()).toEqual([])
  expect(judge({ owner: 'me lab', links: [...surveyOf(0).links, { name: 'svc0', addresses: [] }] })).toEqual(
    [],
  )
})

const eth1 = (changes: object) => ({
  links: [
    { name: 'eth0', addresses: ['192.168.7.10/24'] },
    { name: 'eth1', addresses: [], ...changes },
  ],
})

test.each([
  ['the same machine twice', { machineId: 'id-1' }, 'are the same machine'],
  ['the client itself', { machineId: 'client' }, 'where the client has to be'],
  ['another testbed’s', { owner: 'other lab-7' }, 'belongs to testbed lab-7 already'],
  ['an old distribution', { version: '11' }, 'runs debian 11'],
  ['another distribution', { distribution: 'fedora', version: '40' }, 'runs fedora 40'],
  ['a full disk', { freeBytes: 2 ** 20 }, '1 MiB free in /var/lib'],
  [
    'an address that it does not have',
    { links: [{ name: 'eth1', addresses: [] }] },
    'does not have the address',
  ],
  ['no such NIC', { links: [{ name: 'eth0', addresses: ['192.168.7.10/24'] }] }, 'has no interface eth1'],
  [
    'a NIC that carries SSH',
    { session: { address: '10.0.0.1', port: 22 }, ...eth1({ addresses: ['10.0.0.1/24'] }) },
    'carries the SSH connection',
  ],
  ['a NIC with an address', eth1({ addresses: ['10.0.0.9/24'] }), 'which it would lose'],
  ['a NIC of another bridge', eth1({ master: 'br0' }), 'is a port of br0 already'],
  [
    'the default route',
    { routes: [{ destination: 'default', link: 'eth1' }] },
    'carries the SSH connection or its default route',
  ],
  [
    'a route to the service network',
    { routes: [{ destination: '10.88.0.0/16', link: 'eth0' }] },
    'overlaps 10.88.0.0/16',
  ],
] as const)('%s', (_, changes, message) => {
  const [conflict] = judge(changes as Partial<Survey>)
  expect(conflict?.message).toContain(message)
  expect(conflict?.hint).not.toBe('')
})

test('what a machine says of itself', () => {
  const links = JSON.stringify([
    { ifname: 'eth0', addr_info: [{ family: 'inet', local: '10.0.0.1', prefixlen: 24, scope: 'global' }] },
    { ifname: 'eth1', master: 'svc0', addr_info: [{ family: 'inet6', local: 'fe80::1', prefixlen: 64 }] },
  ])
  const routes = JSON.stringify([{ dst: 'default', gateway: '10.0.0.254', dev: 'eth0' }])
  const text = `machineId\tabc\ndistribution\tdebian\nversion\t13\nfreeBytes\t5\nlinks\t${links}\nroutes\t${routes}\n`
  expect(parseSurvey(text)).toEqual({
    machineId: 'abc',
    distribution: 'debian',
    version: '13',
    freeBytes: 5,
    links: [
      { name: 'eth0', addresses: ['10.0.0.1/24'] },
      { name: 'eth1', addresses: [], master: 'svc0' },
    ],
    routes: [{ destination: 'default', link: 'eth0' }],
  })
})
