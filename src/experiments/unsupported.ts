import type { ResolvedWorkload } from '../config/resolved.ts'
import type { Host } from '../hosts/host.ts'
import type { Toolchain } from '../toolchains/toolchain.ts'
import { missingDiscipline } from './link.ts'
import type { PlannedTrial } from './order.ts'
import type { TrialSettings } from './settings.ts'

/** Axes that a toolchain has to know. */
const ownAxes = ['transfer', 'compression', 'gracePeriod', 'failover']

/** What is missing for a trial: what its toolchain or its links need of the hosts, a choice of the toolchain's, state to write to. */
export function whatIsMissing(
  { factors }: PlannedTrial,
  toolchain: Toolchain,
  workload: ResolvedWorkload,
  settings: TrialSettings,
  ends: readonly [Host, Host],
  mayPowerOff: boolean,
): string | undefined {
  const [source, destination] = ends
  const unsupported = toolchain.supports(source.facts, destination.facts, workload)
  if (unsupported !== undefined) {
    const host = unsupported.at === 'source' ? source : destination
    return `${host.name} lacks ${unsupported.feature}: ${unsupported.message}`
  }
  const foreign = ownAxes.find((axis) => factors[axis] !== undefined && !toolchain.axes?.includes(axis))
  if (foreign !== undefined) return `${toolchain.name} lacks axis:${foreign}: it has no choice there`
  if (toolchain.powersOff === true && !mayPowerOff) {
    return `${source.name} lacks allowKill: nobody may power it off (ssh: { allowKill: true } in the testbed file)`
  }
  for (const host of ends) {
    const missing = settings.link && missingDiscipline(settings.link, host.facts)
    if (missing !== undefined) return `${host.name} lacks ${missing.feature}: ${missing.message}`
  }
  if (settings.dirtyBytesPerSecond !== undefined && workload.state?.kind !== 'redis') {
    return `${workload.name} lacks workload:state: it holds nothing that could be written over (state.redis in its workload.yaml)`
  }
  return undefined
}
