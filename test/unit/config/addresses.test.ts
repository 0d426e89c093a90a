import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { macOf, overlap, parseSubnet, usableAddress } from '../../../src/config/addresses.ts'

describe('a subnet', () => {
  test.each([
    ['10.0.0.0/16', 65_534],
    ['172.31.255.240/28', 14],
    ['192.168.0.0/24', 254],
  ])('%s has %d usable addresses', (text, usable) => {
    expect(parseSubnet(text)).toMatchObject({ text, usable })
  })

  test.each([
    ['10.0.0.1/24', '10.0.0.1/24 is an address, not a network'],
    ['10.0.0.0/15', '10.0.0.0/15 has the wrong size'],
    ['10.0.0.0/29', '10.0.0.0/29 has the wrong size'],
    ['10.0.256.0/24', '10.0.256.0/24 is not an IPv4 network'],
    ['10.0.0/24', '10.0.0/24 is not an IPv4 network'],
    ['ten/24', 'ten/24 is not an IPv4 network'],
    ['10.0.0.0', '10.0.0.0 is not an IPv4 network'],
    ['172.32.0.0/16', '172.32.0.0/16 is not a private network'],
    ['11.0.0.0/16', '11.0.0.0/16 is not a private network'],
    ['192.169.0.0/24', '192.169.0.0/24 is not a private network'],
  ])('%s is refused', (text, message) => {
    expect(() => parseSubnet(text)).toThrow(message)
  })

  test('says which network an address belongs to', () => {
    expect(() => parseSubnet('10.87.0.130/25')).toThrow(
      expect.objectContaining({ parts: expect.objectContaining({ hint: 'did you mean 10.87.0.128/25?' }) }),
    )
  })

  test('counts from the first usable address to the last', () => {
    const subnet = parseSubnet('192.168.30.64/28')
    expect(usableAddress(subnet, 0)).toBe('192.168.30.65')
    expect(usableAddress(subnet, subnet.usable - 1)).toBe('192.168.30.78')
  })

  test('overlaps exactly what it shares an address with', () => {
    const subnets = fc
      .tuple(fc.integer({ min: 16, max: 28 }), fc.nat({ max: 0xffff }))
      .map(([prefix, host]) => {
        const base = Math.floor(host / 2 ** (32 - prefix)) * 2 ** (32 - prefix)
        return parseSubnet(`10.1.${base >> 8}.${base & 255}/${prefix}`)
      })
    fc.assert(
      fc.property(subnets, subnets, (left, right) => {
        const end = (subnet: typeof left): number => subnet.base + subnet.usable + 1
        expect(overlap(left, right)).toBe(left.base <= end(right) && right.base <= end(left))
        expect(overlap(left, left)).toBe(true)
      }),
    )
  })
})

test('a MAC address is locally administered, unicast, and follows from the address', () => {
  expect(macOf('10.88.0.254')).toBe('02:42:0a:58:00:fe')
})
