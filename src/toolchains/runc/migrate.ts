import { allEnded } from '../../core/all-ended.ts'
import type { Argv } from '../../core/process.ts'
import { type ClockOffset, estimateClockOffset } from '../../hosts/clock-offset.ts'
import type { Host } from '../../hosts/host.ts'
import { clearCriuWork } from '../criu-work.ts'
import { type Side, startSide } from '../side.ts'
import type { Timeline } from '../timeline.ts'
import type { Migration, TrialContext } from '../toolchain.ts'
import { type MovingVolumes, pushVolumes, volumeMounts } from '../trial-volumes.ts'
import { explainFailure } from './failure.ts'
import { addFigures } from './figures.ts'
import { deploymentOn, prepareHost, scriptArgv } from './host-side.ts'
import type { Mode } from './modes.ts'
import { copyRounds, parseStatistics } from './rounds.ts'

/** A fixed one: who has it already is told by name. Below those that the kernel gives to outgoing connections. */
const pageServerPort = 27_027
/** Of a page that went past the stream: to the page server, or from it. */
const pageBytes = 4096
/** Of what has no deadline of its own in CRIU: a hang is told as one. Several times what gigabytes take. */
const limits = { stageMs: 30_000, dumpMs: 60_000, restoreMs: 60_000, lazyMs: 90_000 }

/** Both sides, connected and waiting. */
export interface Staged {
  readonly source: Side
  readonly destination: Side
  readonly offset: ClockOffset
}

/**
 * Moves the bundle. Both sides run a script of their own that was started before, so that nothing between freeze and
 * restore waits for this program: it only hears how far they are.
 */
export async function moveBundle(mode: Mode, context: TrialContext, timeline: Timeline): Promise<Migration> {
  const { clock, patience } = context
  const sides: Side[] = []
  let restored = false
  let volumes: MovingVolumes | undefined
  try {
    const { source, destination, offset } = await timeline.phase('stage', () =>
      stage(mode, context, timeline, sides),
    )
    const moving = await pushVolumes(context, timeline)
    volumes = moving
    const either = <Result>(wanted: Promise<Result>) =>
      Promise.race([wanted, source.broken, destination.broken])

    const rounds = mode.rounds
      ? await copyRounds(source, destination, timeline, limits.dumpMs * patience)
      : []
    await timeline.phase('checkpoint', async () => {
      destination.tell('final')
      source.tell('go')
      await either(source.expect('dumped', { what: 'the dump', ms: limits.dumpMs * patience }))
    })
    const transfer = timeline.phase('transfer', () =>
      // The trial's own deadline ends a slow link; a connection that is dead is told by the destination.
      either(destination.expect('received', { what: 'the transfer', ms: 24 * 3_600_000 })),
    )
    await allEnded([transfer, moving.handOver({ frozen: true })])
    if (moving.any) destination.tell('restore')
    const pid = await timeline.phase('restore', () =>
      either(destination.expect('restored', { what: 'the restore', ms: limits.restoreMs * patience })),
    )
    const resumed = clock.monotonicNs()
    restored = mode.memory !== 'postcopy'
    source.tell('release')
    const announced = timeline.phase('switch', () =>
      either(destination.expect('announced', { what: 'the announcement', ms: limits.stageMs * patience })),
    )
    const ended = timeline.phase(mode.memory === 'postcopy' ? 'lazy' : 'release', async (details) => {
      const sent = await either(
        source.expect('sent', { what: 'the transfer', ms: limits.stageMs * patience }),
      )
      const lazyMs = limits.lazyMs * patience
      const end = await either(source.expect('ended', { what: 'the release of the source', ms: lazyMs }))
      if (mode.memory === 'stop-copy') return Number(sent)
      if (mode.memory === 'diskless') {
        return Number(sent) + pageBytes * parseStatistics(end.split(' ')[1]).pagesWritten
      }
      await announced
      details.pagesLazy = Number(await either(destination.expect('lazy', { what: 'lazy pages', ms: lazyMs })))
      return Number(sent) + pageBytes * details.pagesLazy
    })
    const [bytes] = await Promise.all([ended, announced])
    timeline.annotate('transfer', { bytes })
    const pushed = await moving.finish()
    return {
      deployment: deploymentOn(context, context.destination, Number(pid)),
      transferredBytes: bytes + rounds.reduce((sum, round) => sum + round.bytes, 0) + pushed.bytes,
      figures: () => addFigures(context, timeline, { offset, resumed, rounds }),
    }
  } catch (error) {
    context.signal.throwIfAborted()
    // Before the workload goes on where it was: it writes to them again.
    if (!restored) await volumes?.takeBack('the workload could not be restored there')
    throw await explainFailure(context, sides, error, { restored, failedPhase: timeline.failedPhase })
  } finally {
    for (const side of sides) side.kill()
  }
}

/** All that needs no frozen workload: bundle, network and connection at the destination; the writable layer so far. */
async function stage(mode: Mode, context: TrialContext, timeline: Timeline, sides: Side[]): Promise<Staged> {
  const { source: from, destination: to, service, signal, factors } = context
  const [offset] = await Promise.all([
    estimateClockOffset(from, context.clock),
    prepareHost(context, to, mode),
    ...[from, to].map((host) => clearCriuWork(host, signal)),
  ])
  const transfer = String(factors.transfer ?? 'tcp')
  const env = {
    MODE: mode.memory,
    PAGE_SERVER: `${(mode.memory === 'postcopy' ? from : to).address}:${pageServerPort}`,
    TRANSFER: transfer,
    COMPRESSION: String(factors.compression ?? 'none'),
    SERVICE: `${service.address} ${service.mac}`,
    VOLUMES: volumeMounts(context).length > 0 ? 'yes' : 'no',
  }
  const start = async (host: Host, argv: Argv, more: Readonly<Record<string, string>> = {}) => {
    const side = await startSide(host, argv, { ...env, ...more }, signal)
    sides.push(side)
    return side
  }
  const limit = (what: string) => ({ what, ms: limits.stageMs * context.patience })
  const { source, destination } = await timeline.phase('connect', async () => {
    const destination = await start(to, scriptArgv('destination', to.address, from.address))
    const key = transfer === 'ssh' ? await destination.expect('key', limit('the key of ssh')) : ''
    const port = await destination.port
    const source = await start(from, scriptArgv('source', to.address, String(port)), { KEY: key })
    await Promise.race([source.expect('connected', limit('the connection')), destination.broken])
    return { source, destination }
  })
  const copied = { what: 'the first copy of the writable layer', ms: 10 * 60_000 }
  const either = <Result>(wanted: Promise<Result>) =>
    Promise.race([wanted, source.broken, destination.broken])
  const [memoryBytes] = await either(
    Promise.all([source.expect('synchronised', copied), destination.expect('synchronised', copied)]),
  )
  if (mode.memory === 'diskless') {
    destination.tell(`reserve ${memoryBytes}`)
    await either(destination.expect('reserved', limit('room for the memory')))
  }
  return { source, destination, offset }
}
