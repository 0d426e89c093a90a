import type { Facts } from '../hosts/facts.ts'
import type { Lack } from './toolchain.ts'

type Ends = 'source' | 'destination'

/** What is missing at either end of a migration, found by looking at one host after the other. */
export function lackingAt(
  source: Facts,
  destination: Facts,
  find: (facts: Facts, at: Ends) => Omit<Lack, 'at'> | undefined,
): Lack | undefined {
  for (const [at, facts] of [
    ['source', source],
    ['destination', destination],
  ] as const) {
    const missing = find(facts, at)
    if (missing !== undefined) return { ...missing, at }
  }
  return undefined
}
