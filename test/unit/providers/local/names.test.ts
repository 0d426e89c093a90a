import fc from 'fast-check'
import { expect, test } from 'vitest'
import { namesFor, networkNames } from '../../../../src/providers/local/names.ts'

/** IFNAMSIZ less the closing NUL. */
const longestLinkName = 15
const hostName = fc.stringMatching(/^[a-z][a-z0-9-]{0,18}[a-z0-9]$/)

test('names of links fit the kernel, and differ', () => {
  fc.assert(
    fc.property(fc.string(), fc.uniqueArray(hostName, { minLength: 2, maxLength: 8 }), (folder, hosts) => {
      const names = namesFor(`/${folder}`)
      const onMachine = networkNames.map((network) => names.machineLink(network))
      const onSwitch = networkNames.flatMap((network) => [
        network,
        names.machinePort(network),
        ...hosts.map((host) => names.hostPort(network, host)),
      ])
      for (const links of [onMachine, onSwitch]) {
        expect(new Set(links).size).toBe(links.length)
        expect(links.filter((link) => link.length > longestLinkName || /[\s/]/.test(link))).toEqual([])
      }
    }),
  )
})

test('a host is found again by the name of its network namespace, and the switch is none', () => {
  fc.assert(
    fc.property(hostName, (host) => {
      const names = namesFor('/somewhere/.testbed/default')
      expect(names.hostOfNetns(names.netns(host))).toBe(host)
      expect(names.hostOfNetns(namesFor('/elsewhere').netns(host))).toBeUndefined()
      expect(names.hostOfNetns(names.switch)).toBeUndefined()
      expect(names.hostOfNetns(host)).toBeUndefined()
    }),
  )
})

test('two testbeds share no name', () => {
  const [one, other] = [namesFor('/a/.testbed/default'), namesFor('/b/.testbed/default')]
  expect(one.id).not.toBe(other.id)
  expect(one.switch).not.toBe(other.switch)
  expect(one.machineLink('mgmt')).not.toBe(other.machineLink('mgmt'))
  expect(namesFor('/a/.testbed/default').id).toBe(one.id)
})
