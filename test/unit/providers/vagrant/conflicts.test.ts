import { expect, test } from 'vitest'
import { allowedRanges, networkConflicts } from '../../../../src/providers/vagrant/conflicts.ts'
import { resolvedTestbed } from '../../experiments/fakes.ts'

const { networks } = resolvedTestbed
const withMgmt = (subnet: string) => ({
  ...resolvedTestbed,
  networks: {
    mgmt: { ...networks.mgmt, subnet },
    service: { ...networks.service, subnet: '192.168.61.0/24' },
  },
})

test.each([
  ['192.168.60.0/24', 0],
  ['192.168.56.0/21', 0],
  ['192.168.64.0/24', 1],
  ['192.168.0.0/16', 1],
  ['10.87.0.0/24', 1],
])('VirtualBox allows %s: %s conflicts', (subnet, count) => {
  const found = networkConflicts(withMgmt(subnet), 'virtualbox', [], [])
  expect(found).toHaveLength(count)
  if (count > 0) {
    expect(found[0]).toMatchObject({
      pointer: ['networks', 'mgmt', 'subnet'],
      hint: expect.stringContaining('192.168.60.0/24'),
    })
  }
  expect(networkConflicts(withMgmt(subnet), 'libvirt', [], [])).toEqual([])
})

test('networks.conf allows others', () => {
  expect(allowedRanges('')).toEqual(['192.168.56.0/21'])
  expect(allowedRanges('# old\n* 10.0.0.0/8 192.168.0.0/16\n* fe80::/10\n')).toEqual([
    '10.0.0.0/8',
    '192.168.0.0/16',
  ])
  const anything = allowedRanges('* 0.0.0.0/0 ::/0')
  expect(networkConflicts(withMgmt('10.87.0.0/24'), 'virtualbox', [], [], anything)).toEqual([])
})

test('a route of this machine is a conflict unless it is the network’s own', () => {
  const routes = [
    { dst: 'default', dev: 'eth0' },
    { dst: '192.168.60.0/24', dev: 'virbr3' },
  ]
  expect(networkConflicts(withMgmt('192.168.60.0/24'), 'libvirt', routes, [])).toMatchObject([
    { message: expect.stringContaining('virbr3') },
  ])
  expect(networkConflicts(withMgmt('192.168.60.0/24'), 'libvirt', routes, ['virbr3'])).toEqual([])
})
