import { randomInt } from 'node:crypto'
import { machinePackageSource } from '../core/packages.ts'
import { systemClock } from '../core/time.ts'
import { compareInventories, takeInventory } from '../hosts/inventory.ts'
import { waitUntilAnswering } from '../probes/ready.ts'
import { startProbes } from '../probes/session.ts'
import { writeReports } from '../report/report.ts'
import { prepareForVolumes } from '../toolchains/trial-volumes.ts'
import { takeEvidence } from '../workloads/evidence.ts'
import { judgeState } from '../workloads/judge.ts'
import { loadImage } from '../workloads/load.ts'
import { prepareImage } from '../workloads/prepare.ts'
import { fillState } from '../workloads/state.ts'
import { startWriter } from '../workloads/writer.ts'
import { takeBaseline } from './clean-state.ts'
import type { RunDependencies } from './dependencies.ts'
import { collectEnvironment } from './environment.ts'
import { realLinks } from './link.ts'
import { observeRecording } from './observation.ts'

/** A seed for a plan that is given none. */
export const drawSeed = (): number => randomInt(2 ** 32)

/** The real clock, hosts, probes and oracles. @param cacheFolder where images of workloads are kept */
export function realDependencies(cacheFolder: string): RunDependencies {
  const clock = systemClock
  return {
    clock,
    random: Math.random,
    prepareImage: async (workload, options) =>
      await prepareImage(workload, { ...options, cacheFolder, mirror: await machinePackageSource() }),
    loadImage: (host, image, signal) => loadImage(host, image, { signal }),
    prepareForVolumes,
    takeBaseline: (hosts, signal) =>
      takeBaseline(hosts, { take: takeInventory, compare: compareInventories, clock }, signal),
    collectEnvironment: (testbed, signal) => collectEnvironment(testbed, { clock, signal }),
    writeReports,
    waitUntilAnswering,
    fillState,
    startWriter,
    links: realLinks,
    startProbes,
    observe: observeRecording,
    takeEvidence: async (workload, running, options) => {
      const evidence = await takeEvidence(workload, running, options)
      return {
        judge: (moved, observed, signal) => judgeState(workload, evidence, moved, observed, { signal }),
      }
    },
  }
}
