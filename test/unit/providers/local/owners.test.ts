import { expect, test } from 'vitest'
import { aliasOf, ownersOf } from '../../../../src/providers/local/owners.ts'

const folder = '/home/ann/a lab/.testbed/night-2'

test('the owner of links is read from their aliases, whatever else the machine has', () => {
  const links = [
    { ifname: 'lo' },
    { ifname: 'eth0', ifalias: 'uplink to the lab' },
    { ifname: 'mtb1m', ifalias: aliasOf('night-2', 'mgmt', folder) },
    { ifname: 'mtb1s', ifalias: aliasOf('night-2', 'service', folder) },
    { ifname: 'mtb2s', ifalias: aliasOf('default', 'service', '/srv/.testbed/default') },
    { ifalias: aliasOf('default', 'mgmt', '/nameless/.testbed/default') },
  ]
  expect(ownersOf(links)).toEqual([
    { name: 'night-2', stateFolder: folder, workingDirectory: '/home/ann/a lab', links: ['mtb1m', 'mtb1s'] },
    { name: 'default', stateFolder: '/srv/.testbed/default', workingDirectory: '/srv', links: ['mtb2s'] },
  ])
})

test('an alias that only looks like ours names no owner', () => {
  for (const ifalias of [
    'migration-testbed',
    'migration-testbed x mgmt relative/.testbed/x',
    'my migration-testbed x mgmt /a',
  ])
    expect(ownersOf([{ ifname: 'eth1', ifalias }])).toEqual([])
})
