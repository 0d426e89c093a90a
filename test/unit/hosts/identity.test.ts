import { describe, expect, test } from 'vitest'
import { parseIdentity, requireSameIdentity } from '../../../src/hosts/identity.ts'

const interfaces = JSON.stringify([
  { ifname: 'lo', address: '00:00:00:00:00:00', addr_info: [{ family: 'inet', local: '127.0.0.1' }] },
  {
    ifname: 'mgmt0',
    address: '02:00:0a:57:00:02',
    addr_info: [
      { family: 'inet6', local: 'fe80::1' },
      { family: 'inet', local: '10.87.0.2' },
    ],
  },
  { ifname: 'service0', address: '02:00:0a:58:00:99', addr_info: [] },
  { ifname: 'svc0', address: '02:00:0a:58:00:02', addr_info: [{ family: 'inet', local: '10.88.0.2' }] },
  { ifname: 'nat0', address: '02:00:00:00:00:07', addr_info: [{ family: 'inet', local: '10.0.2.15' }] },
])
const said = `host-a\n0123456789abcdef0123456789abcdef\n5eed\n${interfaces}\n`
const { mark, ...hostA } = parseIdentity(said, '10.87.0.2')

describe('parseIdentity', () => {
  test('keeps what tells one host from another, and the mark apart', () => {
    expect(mark).toBe('5eed')
    expect(hostA).toEqual({
      hostName: 'host-a',
      machineId: '0123456789abcdef0123456789abcdef',
      interfaces: [
        { name: 'mgmt0', mac: '02:00:0a:57:00:02', address: '10.87.0.2' },
        { name: 'svc0', mac: '02:00:0a:58:00:02', address: '10.88.0.2' },
      ],
    })
  })

  test('a host that was booted since has no mark', () => {
    expect(parseIdentity(said.replace('5eed', ''), '10.87.0.2').mark).toBe('')
  })
})

describe('requireSameIdentity', () => {
  test('the same one passes', () => {
    expect(() => requireSameIdentity('host-a', hostA, { ...hostA })).not.toThrow()
  })

  test('another one is an error that names what differs, and nothing else', () => {
    const swapped = { ...hostA, hostName: 'host-b', machineId: 'f'.repeat(32) }
    expect(() => requireSameIdentity('host-a', hostA, swapped)).toThrow(
      expect.objectContaining({
        parts: expect.objectContaining({
          where: 'host-a',
          why: [
            'hostName: "host-b", before "host-a"',
            `machineId: "${'f'.repeat(32)}", before "0123456789abcdef0123456789abcdef"`,
          ],
        }),
      }),
    )
  })
})
