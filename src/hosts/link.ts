import type { LinkConditions } from '../config/resolved.ts'
import { TestbedError } from '../core/errors.ts'
import { runChecked } from './checked.ts'
import type { Host } from './host.ts'

/** Sets the conditions of a host's links with tc, and reads back what the kernel made of it. */
const script = '/usr/local/lib/migration-testbed/provision/network/link.sh'
const timeoutMs = 20_000
/** What link.sh sets is found by these. */
const handles = { root: '7e57:', rate: '7e58:' } as const

export type LinkNetwork = 'mgmt' | 'service'

/** From now on the host sends on that network under these conditions. */
export async function setLink(
  host: Host,
  network: LinkNetwork,
  conditions: LinkConditions,
  signal: AbortSignal,
): Promise<void> {
  const { rateBitsPerSecond, delayMs, lossShare } = conditions
  const values = [
    rateBitsPerSecond === undefined ? '-' : String(Math.round(rateBitsPerSecond)),
    delayMs === undefined ? '-' : String(delayMs),
    lossShare === undefined ? '-' : String(lossShare * 100),
  ]
  const argv = ['sh', script, 'set', network, host.address, ...values] as const
  await runChecked(host, argv, { what: `conditions of ${network}`, timeoutMs, signal })
}

/** @throws TestbedError when the kernel says something else than what was asked for */
export async function checkLink(
  host: Host,
  network: LinkNetwork,
  conditions: LinkConditions,
  signal: AbortSignal,
): Promise<void> {
  const { stdout } = await runChecked(host, ['sh', script, 'show', network, host.address], {
    timeoutMs,
    signal,
  })
  const devices = stdout.split('\n').filter((line) => line !== '')
  const wrong = devices.flatMap((json) => linkDifferences(json, conditions))
  if (devices.length > 0 && wrong.length === 0) return
  throw new TestbedError('testbed', `the conditions of ${network} are not in force`, {
    where: host.name,
    why: devices.length === 0 ? ['no device leads to the network'] : wrong,
    hint: 'does something else on the host set queueing disciplines? tc qdisc show tells',
  })
}

/** Every link of the host is as it was. */
export async function clearLinks(host: Host, signal: AbortSignal): Promise<void> {
  await runChecked(host, ['sh', script, 'clear'], { what: 'links as they were', timeoutMs, signal })
}

/** Parts of what `tc -j qdisc show` prints: rates in bytes a second, times in seconds, shares of 1. */
interface Discipline {
  readonly kind?: string
  readonly handle?: string
  readonly dev?: string
  readonly options?: {
    readonly rate?: number
    readonly delay?: { readonly delay?: number }
    readonly 'loss-random'?: { readonly loss?: number }
  }
}

/** How one device's disciplines differ from what was asked for, in words. The kernel rounds: 1 % is the same. */
export function linkDifferences(json: string, conditions: LinkConditions): string[] {
  const disciplines = JSON.parse(json) as Discipline[]
  const find = (kind: string) =>
    disciplines.find(
      (one) => one.kind === kind && (one.handle === handles.root || one.handle === handles.rate),
    )
  const netem = find('netem')?.options
  const rate = find('tbf')?.options?.rate
  const found = {
    'bit/s': rate === undefined ? undefined : rate * 8,
    'ms delay': secondsToMs(netem?.delay?.delay),
    'of 1 lost': nothingIsAbsent(netem?.['loss-random']?.loss),
  }
  const wanted = {
    'bit/s': conditions.rateBitsPerSecond,
    'ms delay': conditions.delayMs,
    'of 1 lost': conditions.lossShare,
  }
  return (Object.keys(wanted) as (keyof typeof wanted)[]).flatMap((unit) => {
    const [is, should] = [found[unit], wanted[unit]]
    if (
      is === should ||
      (is !== undefined && should !== undefined && Math.abs(is - should) <= should * 0.01)
    ) {
      return []
    }
    const dev = disciplines[0]?.dev ?? 'a device'
    return [`${dev}: ${is ?? 'no'} ${unit} instead of ${should ?? 'no'}`]
  })
}

function secondsToMs(seconds: number | undefined): number | undefined {
  return seconds === undefined || seconds === 0 ? undefined : seconds * 1000
}

function nothingIsAbsent(share: number | undefined): number | undefined {
  return share === 0 ? undefined : share
}
