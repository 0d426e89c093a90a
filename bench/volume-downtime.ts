// What the two phases of a push are worth: the time in which nobody is served while a workload with a volume moves, by flocker-volume
// (pushed while it runs, the difference while it is stopped) and by stopping it, copying the volume whole, and starting it. In one run.
//   npm run bench:volume-downtime -- [--size 512MiB] [--changed 0.01] [--repetitions 5]
// Exits 1 when the median of flocker-volume is above 0.25 of that of the whole copy.
import { randomBytes } from 'node:crypto'
import { parseArgs } from 'node:util'
import { systemClock } from '../src/core/time.ts'
import { humanSize, parseSize } from '../src/core/units.ts'
import { runChecked } from '../src/hosts/checked.ts'
import { announce, containerArguments, docker } from '../src/toolchains/docker.ts'
import { flockerVolume } from '../src/toolchains/flocker-volume.ts'
import { createTimeline } from '../src/toolchains/timeline.ts'
import type { Deployment, TrialContext } from '../src/toolchains/toolchain.ts'
import { prepareForVolumes, volumeMounts } from '../src/toolchains/trial-volumes.ts'
import { openReceiver } from '../src/transfer/tcp.ts'
import { runBench, tell } from './support/bench.ts'
import { median, printTable } from './support/table.ts'

const { values: options } = parseArgs({
  options: {
    size: { type: 'string', default: '512MiB' },
    changed: { type: 'string', default: '0.01' },
    repetitions: { type: 'string', default: '5' },
  },
})
const atMost = 0.25
const sizeBytes = parseSize(options.size)

interface Move {
  /** From before the workload is stopped to its first good answer on the other host. */
  readonly downMs: number
  readonly bytes: number
}

/** Overwrites a part of the volume while it is pushed: of what was sent already, and of what is still to be. */
async function change(context: TrialContext): Promise<void> {
  const [mount] = volumeMounts(context)
  const bytes = Math.round(sizeBytes * Number(options.changed))
  const argv = [
    'dd',
    `of=${mount?.source}/changed`,
    'bs=64K',
    'iflag=fullblock',
    'conv=fsync',
    'status=none',
  ] as const
  await runChecked(context.source, argv, { input: randomBytes(bytes), what: 'change of the volume' })
}

async function pushed(
  context: TrialContext,
  deployment: Deployment,
  answered: () => Promise<unknown>,
): Promise<Move> {
  const began = performance.now()
  const timeline = createTimeline(systemClock, systemClock.monotonicNs())
  const changed = systemClock.sleep(300, context.signal).then(() => change(context))
  const [{ transferredBytes }, firstAnswer] = await Promise.all([
    flockerVolume.migrate(context, deployment, timeline),
    changed.then(async () => {
      while (!timeline.phases.some(({ name }) => name === 'start')) await systemClock.sleep(2, context.signal)
      await answered()
      return performance.now() - began
    }),
  ])
  const stop = timeline.phases.find(({ name }) => name === 'stop')
  return { downMs: firstAnswer - (stop?.startMs ?? 0), bytes: transferredBytes }
}

/** What somebody does who has no such engine. */
async function copiedWhole(
  context: TrialContext,
  deployment: Deployment,
  answered: () => Promise<unknown>,
): Promise<Move> {
  const { source, destination, image, signal } = context
  const [mount] = volumeMounts(context)
  const folder = mount?.source ?? ''
  await runChecked(destination, ['mkdir', '-p', folder], { what: 'folder of the volume' })
  const container = await docker(context, destination, ['create', ...containerArguments(context, image.id)])
  const receiver = await openReceiver(destination, source, ['tar', '-x', '-C', folder])
  await change(context)
  const began = performance.now()
  await docker(context, source, ['stop', deployment.container])
  const { bytes } = await receiver.receiveFrom(source, ['tar', '-c', '-C', folder, '.'], signal)
  await runChecked(destination, ['sync', '-f', folder], { what: 'sync' })
  await docker(context, destination, ['start', container])
  await announce(context, destination, 3)
  await answered()
  const downMs = performance.now() - began
  await docker(context, destination, ['rm', '--force', container])
  await runChecked(destination, ['rm', '-rf', folder], { what: 'removal of the copy' })
  return { downMs, bytes }
}

await runBench(async ({ dependencies, trialOf }) => {
  const context = await trialOf('files')
  const { workload, image, signal, source, destination, service } = context
  for (const host of [source, destination]) {
    await dependencies.loadImage(host, image, signal)
    await prepareForVolumes(host, signal)
  }
  const address = { host: service.address, port: service.port }
  const answered = () =>
    dependencies.waitUntilAnswering(address, workload.probe, workload.readyTimeoutMs, signal)
  const ways = [
    { name: 'stop, whole copy, start', move: copiedWhole },
    { name: 'flocker-volume', move: pushed },
  ]
  const moves = new Map<string, Move[]>()
  for (let repetition = 0; repetition < Number(options.repetitions); repetition += 1) {
    for (const { name, move } of ways) {
      const deployment = await flockerVolume.deploy(context)
      await answered()
      await dependencies.fillState(workload, address, { sizeBytes, seed: 1, signal })
      const moved = await move(context, deployment, answered)
      await flockerVolume.remove(context)
      moves.set(name, [...(moves.get(name) ?? []), moved])
      tell(`${name}: down ${moved.downMs.toFixed(0)} ms, ${humanSize(moved.bytes)}`)
    }
  }
  const down = (name: string) => median((moves.get(name) ?? []).map(({ downMs }) => downMs))
  const whole = down('stop, whole copy, start')
  if (down('flocker-volume') / whole > atMost) process.exitCode = 1
  printTable(
    [`files ${options.size}`, 'down ms', 'range', 'sent', 'ratio', 'at most'],
    [...moves].map(([name, all]) => {
      const values = all.map(({ downMs }) => downMs)
      return [
        name,
        down(name).toFixed(0),
        `${Math.min(...values).toFixed(0)} … ${Math.max(...values).toFixed(0)}`,
        humanSize(median(all.map(({ bytes }) => bytes))),
        (down(name) / whole).toFixed(2),
        name === 'flocker-volume' ? atMost.toFixed(2) : '–',
      ]
    }),
  )
})
