import { expect, test } from 'vitest'
import { hostOfArguments, labelArgument, tapName } from '../../../../src/providers/qemu/labels.ts'

test("a QEMU is known by its label, among others' and other testbeds'", () => {
  const argv = ['qemu-system-x86_64', '-name', labelArgument('abcdef', 'host-a'), '-machine', 'q35']
  expect(hostOfArguments('abcdef', argv)).toBe('host-a')
  expect(hostOfArguments('abcdee', argv)).toBeUndefined()
  expect(hostOfArguments('abcdef', ['vim', 'mtb-abcdef-host-a'])).toBeUndefined()
})

test('taps have names that the kernel takes, one for each network and host', () => {
  const names = ['mgmt', 'service'].flatMap((network) =>
    ['host-a', 'host-b', 'a-name-as-long-as-a-name-may-be'].map((host) => tapName('abcdef', network, host)),
  )
  expect(new Set(names).size).toBe(6)
  for (const name of names) expect(name.length).toBeLessThanOrEqual(15)
})
