import type { ResolvedTestbed } from '../../config/resolved.ts'
import { mustRunLocal } from '../../core/process.ts'
import { overlap } from '../overlap.ts'
import type { Conflict } from '../provider.ts'
import { type Names, type NetworkName, networkNames } from './names.ts'
import { findOwners, type Owner } from './owners.ts'

/** A route of this machine, as `ip -4 -j route` tells it. */
export interface Route {
  readonly dst?: string
  readonly dev?: string
}

/** Subnets of the testbed that overlap a route of this machine other than the default and the testbed's own. */
export async function findConflicts(testbed: ResolvedTestbed, names: Names): Promise<Conflict[]> {
  const { stdout } = await mustRunLocal(['ip', '-4', '-j', 'route', 'show', 'table', 'all'], {
    timeoutMs: 10_000,
  })
  const routes = JSON.parse(stdout) as Route[]
  const ownLinks = networkNames.map((network) => names.machineLink(network))
  const owners = await findOwners()
  return networkNames.flatMap((network) => routeConflict(testbed, network, routes, ownLinks, owners))
}

/** A route to the network's subnet, or to a part of it, that goes through none of `ownLinks`. */
export function routeConflict(
  testbed: ResolvedTestbed,
  network: NetworkName,
  routes: readonly Route[],
  ownLinks: readonly string[],
  owners: readonly Owner[] = [],
): Conflict[] {
  const { subnet } = testbed.networks[network]
  const own = new Set<string | undefined>(ownLinks)
  const clash = routes.find(
    ({ dst, dev }) => !own.has(dev) && dst !== undefined && dst !== 'default' && overlap(dst, subnet),
  )
  if (clash === undefined) return []
  const owner = owners.find(({ links }) => links.includes(clash.dev ?? ''))
  return [
    {
      pointer: ['networks', network, 'subnet'],
      message: `${subnet} overlaps ${clash.dst}, which this machine reaches through ${clash.dev ?? 'another route'}`,
      hint:
        owner === undefined
          ? `choose another private subnet for ${network}; ip route shows what is taken`
          : `that is testbed ${owner.name}, made in ${owner.workingDirectory}: take it down there (testbed down --all takes down every one), or choose another private subnet for ${network}`,
    },
  ]
}
