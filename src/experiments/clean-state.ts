import type { HostName } from '../config/resolved.ts'
import { messageOf } from '../core/errors.ts'
import type { Clock } from '../core/time.ts'
import type { Host } from '../hosts/host.ts'
import { patienceWith } from '../hosts/patience.ts'
import { withDeadline } from './deadline.ts'

/** What is on a host now and was not when the run began, or that it cannot be asked. */
export interface Residue {
  readonly host: HostName
  readonly what: string
}

/** Compares hosts with what they were when the run began. */
export interface CleanCheck {
  residue(hosts: readonly Host[], signal: AbortSignal): Promise<Residue[]>
}

const surveyDeadlineMs = 45_000
/** The kernel takes network namespaces and mounts apart a moment after the container is gone. */
const patience = { checks: 4, pauseMs: 250 } as const

/**
 * Takes the inventory that every later check is compared to. `take` lists what a trial could leave behind (containers,
 * checkpoints, mounts, firewall rules, network devices, processes), `compare` words the differences.
 */
export async function takeBaseline<Inventory>(
  hosts: readonly Host[],
  tools: {
    readonly take: (host: Host, signal: AbortSignal) => Promise<Inventory>
    readonly compare: (before: Inventory, now: Inventory) => string[]
    readonly clock: Clock
  },
  signal: AbortSignal,
): Promise<CleanCheck> {
  const survey = (host: Host, within: AbortSignal) =>
    withDeadline(
      tools.clock,
      { what: `inventory of ${host.name}`, ms: surveyDeadlineMs * patienceWith(host.facts), signal: within },
      (each) => tools.take(host, each),
    )
  const baseline = new Map(
    await Promise.all(hosts.map(async (host) => [host.name, await survey(host, signal)] as const)),
  )

  const differencesOf = async (host: Host, within: AbortSignal): Promise<string[]> => {
    const before = baseline.get(host.name)
    if (before === undefined) return ['nobody looked at it when the run began']
    try {
      for (let check = 1; ; check++) {
        const differences = tools.compare(before, await survey(host, within))
        if (differences.length === 0 || check === patience.checks) return differences
        await tools.clock.sleep(patience.pauseMs, within)
      }
    } catch (error) {
      within.throwIfAborted()
      return [`cannot be asked (${messageOf(error)})`]
    }
  }
  return {
    residue: async (asked, within) => {
      const residueOf = async (host: Host) =>
        (await differencesOf(host, within)).map((what) => ({ host: host.name, what }))
      return (await Promise.all(asked.map(residueOf))).flat()
    },
  }
}

/** The three things that can be done about residue, mildest first. */
export interface Cleaning {
  residue(signal: AbortSignal): Promise<Residue[]>
  /** What the toolchains themselves know how to remove. */
  remove(): Promise<void>
  /** Freshly provisioned hosts in place of those. @throws TestbedError (testbed) when that fails. */
  reset(hosts: readonly HostName[], signal: AbortSignal): Promise<void>
}

export interface Cleanliness {
  /** What is still there after everything was tried, each with its host; empty when clean. */
  readonly residue: readonly string[]
  /** What had to be done. */
  readonly warnings: readonly string[]
}

/** Checks that nothing of an earlier trial is left, and mends it where it can be mended. */
export async function ensureClean(cleaning: Cleaning, signal: AbortSignal): Promise<Cleanliness> {
  const found = await cleaning.residue(signal)
  if (found.length === 0) return { residue: [], warnings: [] }
  const warnings = [`left over before the trial: ${inWords(found).join('; ')}`]

  await cleaning.remove()
  const stubborn = await cleaning.residue(signal)
  if (stubborn.length === 0) return { residue: [], warnings }
  const unclean = [...new Set(stubborn.map(({ host }) => host))]
  warnings.push(`reset of ${unclean.join(' and ')}: ${inWords(stubborn).join('; ')}`)

  await cleaning.reset(unclean, signal)
  return { residue: inWords(await cleaning.residue(signal)), warnings }
}

function inWords(residue: readonly Residue[]): string[] {
  return residue.map(({ host, what }) => `${host}: ${what}`)
}
