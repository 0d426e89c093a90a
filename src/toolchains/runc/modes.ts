import type { Facts } from '../../hosts/facts.ts'
import { lackingAt } from '../lacking.ts'
import type { Lack } from '../toolchain.ts'

/** How the memory gets over. */
export interface Mode {
  /** As the scripts of provision/runc name it: images in a stream, over a page server, or page by page once it runs again. */
  readonly memory: 'stop-copy' | 'diskless' | 'postcopy'
  /** Whether rounds of pre-copy go before it. */
  readonly rounds: boolean
}

/** What a host lacks for it. */
export function missingFor(mode: Mode, source: Facts, destination: Facts): Lack | undefined {
  return lackingAt(source, destination, ({ docker, versions, criuFeatures }, at) => {
    if (docker === undefined) {
      return { feature: 'docker', message: 'Docker, which holds the images of workloads, does not run there' }
    }
    for (const program of ['runc', 'criu'] as const) {
      if (versions[program] === undefined) return { feature: program, message: `${program} is not installed` }
    }
    if (mode.rounds && at === 'source' && criuFeatures.mem_dirty_track !== true) {
      const message =
        'the kernel does not track which pages were written to (soft-dirty), so there is no pre-copy'
      return { feature: 'criu:mem_dirty_track', message }
    }
    if (mode.memory === 'postcopy' && at === 'destination') {
      const missing = ['uffd', 'uffd-noncoop'].find((feature) => criuFeatures[feature] !== true)
      const message = 'pages cannot be fetched when they are touched (userfaultfd)'
      if (missing !== undefined) return { feature: `criu:${missing}`, message }
    }
    return undefined
  })
}
