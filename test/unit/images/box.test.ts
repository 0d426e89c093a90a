import { expect, test } from 'vitest'
import { boxName, catalogOf, hasBox } from '../../../src/providers/images/box.ts'

test('a box is there when Vagrant lists its version', () => {
  const version = '20261122.22702.0'
  const list = (line: string) => `bento/ubuntu-24.04 (virtualbox, 1.0)\n${line}\n`
  expect(hasBox(list(`${boxName} (libvirt, ${version})`), version)).toBe(true)
  expect(hasBox(list(`${boxName}      (libvirt, ${version}, (amd64))`), version)).toBe(true)
  expect(hasBox(list(`${boxName} (libvirt, 20261121.1.0)`), version)).toBe(false)
  expect(hasBox(list(`${boxName}-2 (libvirt, ${version})`), version)).toBe(false)
  expect(hasBox('There are no installed boxes!', version)).toBe(false)
})

test('the catalog tells Vagrant name, version and file', () => {
  expect(catalogOf({ box: '/cache/boxes/x/libvirt.box', version: '20261122.1.0' })).toEqual({
    name: 'migration-testbed/debian-13',
    versions: [
      {
        version: '20261122.1.0',
        providers: [{ name: 'libvirt', url: 'file:///cache/boxes/x/libvirt.box' }],
      },
    ],
  })
})
