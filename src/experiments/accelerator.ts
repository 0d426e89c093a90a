import type { RunningTestbed } from '../testbed/running.ts'

/** Names of what runs a guest, for what the guest itself says. */
const accelerators: Readonly<Record<string, string>> = { qemu: 'tcg', oracle: 'virtualbox' }

/** What runs the hosts, as they say themselves: nothing but the machine runs those that are made of namespaces. */
export function acceleratorOf(testbed: RunningTestbed): string {
  if (testbed.provider === 'namespaces') return 'none'
  const found = testbed.hosts.map(({ facts: { virtualization = 'unknown' } }) => {
    return accelerators[virtualization] ?? virtualization
  })
  return [...new Set(found)].sort().join(', ')
}

/** Whether QEMU computes every instruction of the hosts: many times slower than the machine. */
export const isEmulated = (testbed: RunningTestbed): boolean => acceleratorOf(testbed).includes('tcg')
