import type { ResolvedTestbed } from '../../config/resolved.ts'
import { mustRunLocal } from '../../core/process.ts'
import { overlap } from '../overlap.ts'
import type { Conflict } from '../provider.ts'
import { type Names, networkNames } from './names.ts'
import { findOwners } from './owners.ts'

interface Route {
  readonly dst?: string
  readonly dev?: string
  readonly type?: string
}

/** Subnets of the testbed that overlap a route of this machine other than the default and the testbed's own. */
export async function findConflicts(testbed: ResolvedTestbed, names: Names): Promise<Conflict[]> {
  const { stdout } = await mustRunLocal(['ip', '-4', '-j', 'route', 'show', 'table', 'all'], {
    timeoutMs: 10_000,
  })
  const own = new Set<string | undefined>(networkNames.map((network) => names.machineLink(network)))
  const routes = (JSON.parse(stdout) as Route[]).filter((route) => !own.has(route.dev))
  const owners = await findOwners()
  return networkNames.flatMap((network) => {
    const { subnet } = testbed.networks[network]
    const clash = routes.find(
      (route) => route.dst !== undefined && route.dst !== 'default' && overlap(route.dst, subnet),
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
  })
}
