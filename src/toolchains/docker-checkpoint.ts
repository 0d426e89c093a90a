import { allEnded } from '../core/all-ended.ts'
import { runChecked } from '../hosts/checked.ts'
import { type ClockOffset, estimateClockOffset } from '../hosts/clock-offset.ts'
import type { Facts } from '../hosts/facts.ts'
import type { Argv, Host } from '../hosts/host.ts'
import { openReceiver, type Receiver } from '../transfer/tcp.ts'
import { dumpPastChanges, explainFailure } from './criu-failure.ts'
import { releaseContainer } from './criu-release.ts'
import { addCriuFigures, clearCriuWork } from './criu-work.ts'
import {
  announce,
  containerArguments,
  deploymentOf,
  deployOnSource,
  docker,
  holdAddress,
  lacksDocker,
  releaseAddress,
  removeAll,
} from './docker.ts'
import { goOnAtSource } from './go-on.ts'
import { lackingAt } from './lacking.ts'
import { lacksForOtherUsers } from './other-users.ts'
import type { StagedCommand } from './staged-command.ts'
import type { Timeline } from './timeline.ts'
import type { Deployment, Lack, Migration, Toolchain, TrialContext } from './toolchain.ts'
import {
  createVolumes,
  lacksVolumes,
  type MovingVolumes,
  pushVolumes,
  removeVolumes,
} from './trial-volumes.ts'
import { packLayer, unpackLayer } from './writable-layer.ts'

/** Made anew for every trial: a second restore of the same checkpoint can clash in containerd's content store. */
const checkpoint = 'migration'
/** Docker waits for ever for a restore that broke off: there is time left to take the workload back. */
const restoreTimeoutMs = 45_000
const removeTimeoutMs = 10_000
/** Where containerd lets runc keep the state of Docker's containers. */
const runcRoot = '/run/docker/runtime-runc/moby'

/**
 * `docker checkpoint create`, checkpoint images and writable layer to a container that was created on the other host before,
 * `docker start --checkpoint`. Memory, connections and files are kept.
 */
export const dockerCheckpoint: Toolchain = {
  name: 'docker-checkpoint',
  keeps: { memory: true, connections: true, files: true },
  supports: (source, destination, workload) =>
    lackingAt(source, destination, lacking) ??
    lacksForOtherUsers(source, workload) ??
    lacksVolumes(source, destination, workload),
  deploy: async (context) => {
    await Promise.all(
      [context.source, context.destination].map((host) => clearCriuWork(host, context.signal)),
    )
    await createVolumes(context)
    return await deployOnSource(context)
  },
  migrate: async (context, deployment, timeline) => {
    const { source } = context
    const staged = await timeline.phase('stage', () => stage(context, deployment))
    try {
      const volumes = await pushVolumes(context, timeline)
      await timeline.phase('checkpoint', async (details) => {
        await dumpPastChanges(context, source, details, () =>
          docker(context, source, ['checkpoint', 'create', deployment.container, checkpoint]),
        ).catch(async (error: unknown) => {
          const left = await releaseContainer(context, source, runcRoot, deployment.container)
          await volumes.takeBack('the workload could not be frozen')
          await explainFailure(context, source, 'dump', error, left)
        })
      })
      return await restoreElsewhere(context, staged, volumes, timeline).catch((error: unknown) =>
        goOnAtSource(context, error, () => takeBack(context, deployment, staged, volumes)),
      )
    } finally {
      for (const { receiver } of staged.streams) receiver.close()
      staged.held.close()
    }
  },
  remove: async (context) => {
    await removeAll(context)
    await releaseAddress(context, context.destination)
    await removeVolumes(context)
  },
}

function lacking(facts: Facts): Omit<Lack, 'at'> | undefined {
  const { docker, versions } = facts
  if (docker === undefined) return lacksDocker(facts)
  if (!docker.experimental) return { feature: 'docker:experimental', message: 'Docker refuses checkpoints' }
  if (versions.criu === undefined) return { feature: 'criu', message: 'CRIU is not installed' }
  if (docker.storageDriver !== 'overlay2')
    return { feature: 'docker:overlay2', message: `the storage driver is ${docker.storageDriver}` }
  return undefined
}

/** Moves the checkpoint and starts from it on the destination. */
async function restoreElsewhere(
  context: TrialContext,
  staged: Staged,
  volumes: MovingVolumes,
  timeline: Timeline,
): Promise<Migration> {
  const { source, destination, signal, clock } = context
  const transfer = timeline.phase('transfer', async (details) => {
    const moved = await Promise.all(
      staged.streams.map((stream) => stream.receiver.receiveFrom(source, stream.produce, signal)),
    )
    details.bytes = moved.reduce((sum, one) => sum + one.bytes, 0)
    return details.bytes
  })
  const [bytes] = await allEnded([transfer, volumes.handOver({ frozen: true })])
  await timeline.phase('restore', () =>
    docker(
      context,
      destination,
      ['start', '--checkpoint', checkpoint, staged.container],
      restoreTimeoutMs,
    ).catch((error: unknown) => explainFailure(context, destination, 'restore', error)),
  )
  const resumed = clock.monotonicNs()
  // Not earlier: what a client sends again would reach an interface whose sockets are not restored yet, and be reset.
  // Until then the address is held.
  await timeline.phase('switch', async () => {
    await Promise.all([staged.held.complete(), announce(context, destination, 3)])
  })
  const pushed = await volumes.finish()
  return {
    deployment: await deploymentOf(context, destination, staged.container),
    transferredBytes: bytes + pushed.bytes,
    figures: () =>
      addCriuFigures(context, timeline, { offset: staged.offset, resumed, restoredIn: 'restore' }),
  }
}

/** The source has its checkpoint still: what the destination could not take is restored there. */
async function takeBack(
  context: TrialContext,
  deployment: Deployment,
  staged: Staged,
  volumes: MovingVolumes,
): Promise<void> {
  const { source, destination } = context
  // Half a restore keeps runc waiting, and with it the engine, which then does nothing to the container for two minutes.
  const giveUp = ['pkill', '-KILL', '-f', `[r]unc .*restore.*${staged.container}`] as const
  await destination.run({ argv: giveUp }, { timeoutMs: removeTimeoutMs }).catch(() => undefined)
  // It may run after all, or its host be gone altogether.
  await docker(context, destination, ['rm', '--force', staged.container], removeTimeoutMs).catch(
    () => undefined,
  )
  await volumes.takeBack('the workload could not be restored there')
  await docker(context, source, ['start', '--checkpoint', checkpoint, deployment.container], restoreTimeoutMs)
  await announce(context, source, 3)
  await deploymentOf(context, source, deployment.container)
}

interface Staged {
  /** The container on the destination, created and not started. */
  readonly container: string
  readonly streams: readonly { readonly receiver: Receiver; readonly produce: Argv }[]
  readonly offset: ClockOffset
  /** The address, on the destination. */
  readonly held: StagedCommand
}

/** What needs no frozen workload: the destination's container, open streams into it, the source's clock. */
async function stage(context: TrialContext, deployment: Deployment): Promise<Staged> {
  const { source, destination } = context
  const [from, { container, to }, offset, held] = await Promise.all([
    foldersOf(context, source, deployment.container),
    stageContainer(context),
    estimateClockOffset(source, context.clock),
    holdAddress(context, destination),
  ])
  const stream = async (target: string, produce: Argv) => ({
    produce,
    receiver: await openReceiver(destination, source, [...unpackLayer, target]),
  })
  const streams = await Promise.all([
    stream(to.checkpoints, ['tar', '-C', from.checkpoints, '-c', checkpoint]),
    stream(to.upper, [...packLayer, from.upper, '.']),
  ]).catch((error: unknown) => {
    held.close()
    throw error
  })
  return { container, streams, offset, held }
}

async function stageContainer(context: TrialContext): Promise<{ container: string; to: Folders }> {
  const { destination } = context
  const container = await docker(context, destination, [
    'create',
    ...containerArguments(context, context.image.id),
  ])
  const to = await foldersOf(context, destination, container)
  await runChecked(destination, ['mkdir', '-p', to.checkpoints], {
    what: 'folder of checkpoints',
    kind: 'trial',
  })
  return { container, to }
}

/** Where Docker keeps a container's checkpoints and its writable layer. */
interface Folders {
  readonly checkpoints: string
  readonly upper: string
}

async function foldersOf(context: TrialContext, host: Host, container: string): Promise<Folders> {
  const format = '{{.Id}} {{.GraphDriver.Data.UpperDir}}'
  const [[id = '', upper = ''], root] = await Promise.all([
    docker(context, host, ['inspect', '--format', format, container]).then((text) => text.split(' ')),
    docker(context, host, ['info', '--format', '{{.DockerRootDir}}']),
  ])
  return { checkpoints: `${root}/containers/${id}/checkpoints`, upper }
}
