/** True when two IPv4 networks in CIDR form (a bare address is a /32) share an address. */
export function overlap(one: string, other: string): boolean {
  const [a, b] = [range(one), range(other)]
  return a !== undefined && b !== undefined && a.first <= b.last && b.first <= a.last
}

function range(cidr: string): { first: number; last: number } | undefined {
  const [address = '', prefix = '32'] = cidr.split('/')
  const bytes = address.split('.').map(Number)
  if (bytes.length !== 4 || bytes.some((byte) => !Number.isInteger(byte))) return undefined
  const size = 2 ** (32 - Number(prefix))
  const value = bytes.reduce((sum, byte) => sum * 256 + byte, 0)
  const first = Math.floor(value / size) * size
  return { first, last: first + size - 1 }
}
