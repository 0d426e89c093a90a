import type { Factors, LinkConditions, ResolvedExperiment, ResolvedLink } from '../config/resolved.ts'
import {
  formatDuration,
  formatLinkRate,
  formatShare,
  parseDuration,
  parseLinkRate,
  parseShare,
} from '../core/units.ts'
import type { Facts } from '../hosts/facts.ts'
import type { Host } from '../hosts/host.ts'
import { checkLink, clearLinks, type LinkNetwork, setLink } from '../hosts/link.ts'

const networks: readonly LinkNetwork[] = ['mgmt', 'service']

/** What a trial does to the links of its hosts; replaced in tests. */
export interface LinkControl {
  /** Puts the conditions in force on every host and reads them back. @throws TestbedError when they are not */
  set(hosts: readonly Host[], link: ResolvedLink, signal: AbortSignal): Promise<void>
  /** @throws TestbedError when they are no longer in force */
  check(hosts: readonly Host[], link: ResolvedLink, signal: AbortSignal): Promise<void>
  /** Whatever was in force no longer is; idempotent. */
  clear(hosts: readonly Host[], signal: AbortSignal): Promise<void>
}

export const realLinks: LinkControl = {
  set: async (hosts, link, signal) => {
    await each(hosts, link, async (host, network, conditions) => {
      await setLink(host, network, conditions, signal)
      await checkLink(host, network, conditions, signal)
    })
  },
  check: (hosts, link, signal) =>
    each(hosts, link, (host, network, conditions) => checkLink(host, network, conditions, signal)),
  clear: async (hosts, signal) => {
    await Promise.all(hosts.map((host) => clearLinks(host, signal)))
  },
}

/** The experiment's own conditions with the cell's in their place; undefined when there are none. */
export function linkOf(
  experiment: Pick<ResolvedExperiment, 'link'>,
  factors: Factors,
): ResolvedLink | undefined {
  const link = Object.fromEntries(
    networks.flatMap((network) => {
      const conditions = conditionsOf(experiment.link?.[network] ?? {}, network, factors)
      return Object.keys(conditions).length === 0 ? [] : [[network, conditions] as const]
    }),
  )
  return Object.keys(link).length === 0 ? undefined : link
}

function conditionsOf(fixed: LinkConditions, network: LinkNetwork, factors: Factors): LinkConditions {
  const amount = (part: string, parse: (text: string) => number, otherwise: number | undefined) => {
    const factor = factors[`${network}${part}`]
    return factor === undefined ? otherwise : parse(String(factor))
  }
  const rateBitsPerSecond = amount('Rate', parseLinkRate, fixed.rateBitsPerSecond)
  const delayMs = amount('Delay', parseDuration, fixed.delayMs)
  const lossShare = amount('Loss', parseShare, fixed.lossShare)
  return {
    ...(rateBitsPerSecond === undefined ? {} : { rateBitsPerSecond }),
    ...(delayMs === undefined || delayMs === 0 ? {} : { delayMs }),
    ...(lossShare === undefined || lossShare === 0 ? {} : { lossShare }),
  }
}

/** The queueing discipline that a host's kernel lacks for these conditions, and what for. */
export function missingDiscipline(
  link: ResolvedLink,
  { queueDisciplines, kernel }: Facts,
): { readonly feature: string; readonly message: string } | undefined {
  const conditions = networks.map((network) => link[network] ?? {})
  const needed = {
    netem: conditions.some(({ delayMs, lossShare }) => delayMs !== undefined || lossShare !== undefined)
      ? 'delay and loss'
      : undefined,
    tbf: conditions.some(({ rateBitsPerSecond }) => rateBitsPerSecond !== undefined) ? 'a rate' : undefined,
  }
  for (const [discipline, purpose] of Object.entries(needed)) {
    if (purpose === undefined || queueDisciplines.includes(discipline)) continue
    const message = `kernel ${kernel} has no queueing discipline ${discipline}, which makes ${purpose}`
    return { feature: `kernel:${discipline}`, message }
  }
  return undefined
}

/** `mgmt 1Gbit, 10ms delay, 0.1% loss; service 100Mbit` */
export function describeLink(link: ResolvedLink): string {
  return networks
    .flatMap((network) => {
      const { rateBitsPerSecond, delayMs, lossShare } = link[network] ?? {}
      const parts = [
        ...(rateBitsPerSecond === undefined ? [] : [formatLinkRate(rateBitsPerSecond)]),
        ...(delayMs === undefined ? [] : [`${formatDuration(delayMs)} delay`]),
        ...(lossShare === undefined ? [] : [`${formatShare(lossShare)} loss`]),
      ]
      return parts.length === 0 ? [] : [`${network} ${parts.join(', ')}`]
    })
    .join('; ')
}

async function each(
  hosts: readonly Host[],
  link: ResolvedLink,
  act: (host: Host, network: LinkNetwork, conditions: LinkConditions) => Promise<void>,
): Promise<void> {
  await Promise.all(
    hosts.map(async (host) => {
      for (const network of networks) {
        const conditions = link[network]
        if (conditions !== undefined) await act(host, network, conditions)
      }
    }),
  )
}
