import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { allEnded } from '../core/all-ended.ts'
import { messageOf } from '../core/errors.ts'
import { systemClock } from '../core/time.ts'
import type { Facts } from '../hosts/facts.ts'
import type { Host } from '../hosts/host.ts'
import { backEndNames, offers } from '../volumes/back-end.ts'
import type { VolumeContext } from '../volumes/context.ts'
import { freeBytes, listCopies, onCopy } from '../volumes/copies.ts'
import { createDataset } from '../volumes/engine.ts'
import { beginMove, type StagedMove } from '../volumes/move.ts'
import { openStore } from '../volumes/store.ts'
import { lackingAt } from './lacking.ts'
import type { Timeline } from './timeline.ts'
import type { Lack, TrialContext } from './toolchain.ts'

/** Where a workload's volume is on every host that has it, and in the container. */
export interface VolumeMount {
  readonly source: string
  readonly target: string
}

/** As the scripts of provision/volumes have it. */
const mounts = '/run/migration-testbed-volumes'
const removalMs = 60_000

/** Where the volumes of a trial's workload are mounted. */
export function volumeMounts({ workload }: Pick<TrialContext, 'workload'>): VolumeMount[] {
  return (workload.volumes ?? []).map(({ name, path }) => ({ source: `${mounts}/${name}`, target: path }))
}

/** What a host lacks for a workload with volumes. */
export function lacksVolumes(
  source: Facts,
  destination: Facts,
  { volumes }: TrialContext['workload'],
): Lack | undefined {
  if (volumes === undefined) return undefined
  return lackingAt(source, destination, (facts) => {
    if (backEndNames.some((name) => offers(facts, name))) return undefined
    const message = 'no back end of volumes is installed: add the component volumes'
    return { feature: 'volumes', message }
  })
}

/** What has to be there before a trial, and stays: the place where copies are kept. */
export async function prepareForVolumes(host: Host, signal: AbortSignal): Promise<void> {
  const backEnd = backEndNames.find((name) => offers(host.facts, name))
  if (backEnd !== undefined) await freeBytes(host, backEnd, signal)
}

/** Makes the workload's volumes on the source, empty and mounted. */
export async function createVolumes(context: TrialContext): Promise<void> {
  for (const { name, maximumSizeBytes } of context.workload.volumes ?? []) {
    const { source } = context
    const wanted = { name, maximumSizeBytes, host: source.name, backEnd: 'auto', metadata: {} } as const
    await createDataset(volumeContext(context), wanted)
  }
}

/** The volumes of a trial on their way: whatever is in use goes over while it is. */
export interface MovingVolumes {
  /** Nothing is done, and no phase is told, where there are none. */
  readonly any: boolean
  /** The second phase of all of them, a phase `volume` of the timeline. */
  handOver(options: { readonly frozen: boolean }): Promise<void>
  /** When the workload runs at the destination: a phase `tidy`. Answers what was sent in all. */
  finish(): Promise<{ readonly bytes: number }>
  /** After a failure: the source has them as before. Says what it could not do. */
  takeBack(why: string): Promise<void>
}

/** The first phase for every volume of the workload: passes while it runs, each a phase `push` of the timeline. */
export async function pushVolumes(context: TrialContext, timeline: Timeline): Promise<MovingVolumes> {
  const { workload, destination } = context
  const volumes = workload.volumes ?? []
  const engine = volumeContext(context)
  const moves: StagedMove[] = []
  const takeBack = async (why: string) => {
    for (const move of moves) await move.takeBack(why)
  }
  if (volumes.length > 0) {
    await timeline.phase('push', async (details) => {
      try {
        for (const { name } of volumes) moves.push(await beginMove(engine, name, destination.name))
      } catch (error) {
        await takeBack(messageOf(error))
        throw error
      }
      details.passes = moves.reduce((sum, { passes }) => sum + passes.length, 0)
      details.bytes = sent(moves)
    })
  }
  const any = moves.length > 0
  return {
    any,
    takeBack,
    handOver: async (options) => {
      if (!any) return
      const before = sent(moves)
      await timeline.phase('volume', async (details) => {
        await allEnded(moves.map((move) => move.handOver(options)))
        details.bytes = sent(moves) - before
      })
    },
    finish: async () => {
      if (any) {
        await timeline.phase('tidy', async () => {
          for (const move of moves) await move.finish()
        })
      }
      return { bytes: sent(moves) }
    },
  }
}

/** Removes every volume from both hosts: a trial's are the only ones there. */
export async function removeVolumes(context: TrialContext): Promise<void> {
  if (context.workload.volumes === undefined) return
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(removalMs * context.patience)])
  await rm(listFolder(context), { recursive: true, force: true })
  await Promise.all(
    [context.source, context.destination].map(async (host) => {
      for (const { dataset } of await listCopies(host, signal)) {
        await onCopy(host, 'removal of a volume', ['destroy', dataset], signal)
      }
    }),
  )
}

function sent(moves: readonly StagedMove[]): number {
  return moves.flatMap(({ passes }) => passes).reduce((sum, { bytes }) => sum + bytes, 0)
}

function listFolder({ folder }: TrialContext): string {
  return join(folder, 'volumes')
}

/** A list of datasets of the trial's own, beside its other files. */
function volumeContext(context: TrialContext): VolumeContext {
  const { source, destination, signal } = context
  return {
    store: openStore(listFolder(context)),
    hosts: new Map([source, destination].map((host) => [host.name, host])),
    clock: systemClock,
    progress: () => {},
    signal,
  }
}
