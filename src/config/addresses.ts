import { TestbedError } from '../core/errors.ts'

export interface Subnet {
  /** As in `10.87.0.0/24`, host bits zero. */
  readonly text: string
  /** Lowest address, as an unsigned 32-bit number. */
  readonly base: number
  readonly prefixLength: number
  /** Addresses that hosts can have: without the network's own and the broadcast address. */
  readonly usable: number
}

const shortestPrefix = 16
const longestPrefix = 28
/** RFC 1918. */
const privateNetworks = [
  { base: 0x0a000000, prefixLength: 8 },
  { base: 0xac100000, prefixLength: 12 },
  { base: 0xc0a80000, prefixLength: 16 },
]

/** Reads a private IPv4 network, /16 to /28, host bits zero. Throws a configuration error. */
export function parseSubnet(text: string): Subnet {
  const fail = (message: string, hint: string): TestbedError =>
    new TestbedError('configuration', `${text} ${message}`, { hint })
  const [, address = '', prefix = ''] = /^(\d{1,3}(?:\.\d{1,3}){3})\/(\d{1,2})$/.exec(text) ?? []
  const octets = address.split('.').map(Number)
  if (address === '' || octets.some((octet) => octet > 255)) {
    throw fail(
      'is not an IPv4 network',
      'write four numbers up to 255 and a prefix length, such as 10.87.0.0/24',
    )
  }
  const prefixLength = Number(prefix)
  if (prefixLength < shortestPrefix || prefixLength > longestPrefix) {
    throw fail('has the wrong size', `choose a prefix length from /${shortestPrefix} to /${longestPrefix}`)
  }
  const number = octets.reduce((sum, octet) => sum * 256 + octet, 0)
  const base = lowestAddress(number, prefixLength)
  if (base !== number) {
    throw fail('is an address, not a network', `did you mean ${formatAddress(base)}/${prefixLength}?`)
  }
  if (!privateNetworks.some((network) => lowestAddress(base, network.prefixLength) === network.base)) {
    throw fail('is not a private network', 'take one from 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16')
  }
  return {
    text: `${formatAddress(base)}/${prefixLength}`,
    base,
    prefixLength,
    usable: 2 ** (32 - prefixLength) - 2,
  }
}

/** Whether some address is in both. */
export function overlap(left: Subnet, right: Subnet): boolean {
  const prefixLength = Math.min(left.prefixLength, right.prefixLength)
  return lowestAddress(left.base, prefixLength) === lowestAddress(right.base, prefixLength)
}

/** The usable address of that index, from 0. */
export function usableAddress(subnet: Subnet, index: number): string {
  return formatAddress(subnet.base + 1 + index)
}

/** A locally administered unicast MAC that follows from the address: Docker's own way, 02:42 and the four octets. */
export function macOf(address: string): string {
  const octets = address.split('.').map((octet) => Number(octet).toString(16).padStart(2, '0'))
  return ['02', '42', ...octets].join(':')
}

function lowestAddress(address: number, prefixLength: number): number {
  const size = 2 ** (32 - prefixLength)
  return Math.floor(address / size) * size
}

function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.')
}
