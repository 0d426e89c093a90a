import type { ResolvedTestbed } from '../../config/resolved.ts'
import { type Route, routeConflict } from '../local/conflicts.ts'
import { networkNames } from '../local/names.ts'
import { overlap } from '../overlap.ts'
import type { Conflict } from '../provider.ts'
import type { HypervisorName } from './machines.ts'

/** What VirtualBox lets an ordinary user choose for host-only networks, unless /etc/vbox/networks.conf says otherwise. */
const virtualBoxRange = '192.168.56.0/21'

/**
 * Subnets that the hypervisor refuses or that this machine reaches elsewhere.
 * @param ownLinks the hypervisor's ends of the testbed's networks, from an earlier `up`
 * @param allowed networks that VirtualBox may use, in CIDR form; empty when it may use any
 */
export function networkConflicts(
  testbed: ResolvedTestbed,
  hypervisor: HypervisorName,
  routes: readonly Route[],
  ownLinks: readonly string[],
  allowed: readonly string[] = [virtualBoxRange],
): Conflict[] {
  return networkNames.flatMap((network): Conflict[] => {
    const { subnet } = testbed.networks[network]
    if (hypervisor === 'virtualbox' && !allowed.some((range) => contains(range, subnet))) {
      return [
        {
          pointer: ['networks', network, 'subnet'],
          message: `${subnet} is outside of what VirtualBox allows: ${allowed.join(', ')}`,
          hint: `take ${network === 'mgmt' ? '192.168.60.0/24' : '192.168.61.0/24'}, or allow others in /etc/vbox/networks.conf`,
        },
      ]
    }
    return routeConflict(testbed, network, routes, ownLinks)
  })
}

/** Networks that /etc/vbox/networks.conf allows: lines `* 192.168.0.0/16 fe80::/10`; `* 0.0.0.0/0` is any. */
export function allowedRanges(networksConf: string): string[] {
  const ranges = networksConf
    .split('\n')
    .filter((line) => line.startsWith('*'))
    .flatMap((line) => line.slice(1).trim().split(/\s+/))
    .filter((range) => /^\d+\.\d+\.\d+\.\d+\/\d+$/.test(range))
  return ranges.length === 0 ? [virtualBoxRange] : ranges
}

function contains(range: string, subnet: string): boolean {
  const prefix = (cidr: string) => Number(cidr.split('/')[1] ?? 32)
  return prefix(range) <= prefix(subnet) && overlap(range, subnet)
}
