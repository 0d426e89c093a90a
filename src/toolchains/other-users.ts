import type { Facts } from '../hosts/facts.ts'
import type { Lack, Toolchain } from './toolchain.ts'

/** What CRIU lacks at the source to dump a workload whose processes are not root's. */
export function lacksForOtherUsers(
  source: Facts,
  { name, leavesRoot }: Parameters<Toolchain['supports']>[2],
): Lack | undefined {
  if (!leavesRoot || source.limitsOfOthers) return undefined
  const message = `processes of ${name} are not root's, and root may not read their limits, as CRIU has to`
  return { feature: 'cap_sys_resource', at: 'source', message }
}
