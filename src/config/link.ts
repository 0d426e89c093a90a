import { parseDuration, parseLinkRate, parseShare } from '../core/units.ts'
import { checkAmount, type Report } from './document.ts'
import type { LinkAxisName, LinkConditionsDocument, LinkDocument } from './documents.ts'
import type { LinkConditions, ResolvedLink } from './resolved.ts'

export interface LinkAmount {
  readonly parse: (text: string) => number
  /** Least and most. */
  readonly range: readonly [string, string]
}

const rate: LinkAmount = { parse: parseLinkRate, range: ['8kbit', '100Gbit'] }
const delay: LinkAmount = { parse: parseDuration, range: ['0ms', '10s'] }
const loss: LinkAmount = { parse: parseShare, range: ['0%', '50%'] }

/** The conditions as axes: each in place of the one that `link` gives. */
export const linkAmounts: Readonly<Record<LinkAxisName, LinkAmount>> = {
  mgmtRate: rate,
  mgmtDelay: delay,
  mgmtLoss: loss,
  serviceRate: rate,
  serviceDelay: delay,
  serviceLoss: loss,
}

export function checkLink(link: LinkDocument | undefined, report: Report): void {
  for (const network of ['mgmt', 'service'] as const) {
    const conditions = link?.[network] ?? {}
    for (const [key, amount] of Object.entries({ rate, delay, loss })) {
      const text = conditions[key as keyof LinkConditionsDocument]
      if (text !== undefined) checkAmount(report, ['link', network, key], text, amount.parse, amount.range)
    }
  }
}

export function resolveLink({ mgmt, service }: LinkDocument): ResolvedLink {
  return {
    ...(mgmt === undefined ? {} : { mgmt: resolveConditions(mgmt) }),
    ...(service === undefined ? {} : { service: resolveConditions(service) }),
  }
}

/** No delay and no loss are no conditions: a kernel without netem can keep them. */
function resolveConditions(written: LinkConditionsDocument): LinkConditions {
  const delayMs = parseDuration(written.delay ?? '0ms')
  const lossShare = parseShare(written.loss ?? '0%')
  return {
    ...(written.rate === undefined ? {} : { rateBitsPerSecond: parseLinkRate(written.rate) }),
    ...(delayMs === 0 ? {} : { delayMs }),
    ...(lossShare === 0 ? {} : { lossShare }),
  }
}
