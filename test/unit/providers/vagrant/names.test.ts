import { expect, test } from 'vitest'
import { labelArgument } from '../../../../src/providers/qemu/labels.ts'
import { vagrantNames } from '../../../../src/providers/vagrant/names.ts'

test('a machine is found again by its name, and those of other testbeds are not', () => {
  const names = vagrantNames('/a/.testbed/default')
  expect(names.hostOfMachine(names.machine('host-a'))).toBe('host-a')
  expect(names.hostOfMachine(vagrantNames('/b/.testbed/default').machine('host-a'))).toBeUndefined()
  expect(vagrantNames('/a/.testbed/default').prefix).toBe(names.prefix)
})

test('libvirt’s machines are not taken for those of provider qemu', () => {
  const names = vagrantNames('/a/.testbed/default')
  const id = names.prefix.slice('mtb-'.length, -1)
  const own = labelArgument(id, '')
  expect(`guest=${names.machine('host-a')},debug-threads=on`.startsWith(own)).toBe(false)
})
