// What the two phases of a push are worth: the time in which nobody is served while a workload with a volume moves, by flocker-volume
// (pushed while it runs, the difference while it is stopped) and by stopping it, copying the volume whole, and starting it. In one run, seen by clients;
// over a link of 1 Gbit/s, and over none but the memory of the machine that both hosts are on.
//   npm run bench:volume-downtime -- [--size 512MiB] [--changed 0.01] [--rate 1Gbit,none] [--repetitions 5]
// Exits 1 when, over any of the links, the median of flocker-volume is above 0.25 of that of the faster whole copy.
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { systemClock } from '../src/core/time.ts'
import { humanSize, parseLinkRate, parseSize } from '../src/core/units.ts'
import { runChecked } from '../src/hosts/checked.ts'
import { clearLinks, setLink } from '../src/hosts/link.ts'
import { measureService } from '../src/probes/measure.ts'
import { announce, containerArguments, docker } from '../src/toolchains/docker.ts'
import { flockerVolume } from '../src/toolchains/flocker-volume.ts'
import { createTimeline } from '../src/toolchains/timeline.ts'
import type { Deployment, TrialContext } from '../src/toolchains/toolchain.ts'
import { prepareForVolumes, volumeMounts } from '../src/toolchains/trial-volumes.ts'
import { openReceiver } from '../src/transfer/tcp.ts'
import { type Bench, runBench, tell } from './support/bench.ts'
import { median, printTable } from './support/table.ts'

const { values: options } = parseArgs({
  options: {
    size: { type: 'string', default: '512MiB' },
    changed: { type: 'string', default: '0.01' },
    rate: { type: 'string', default: '1Gbit,none' },
    repetitions: { type: 'string', default: '5' },
  },
})
const atMost = 0.25
const ratePerSecond = 50
const sizeBytes = parseSize(options.size)

interface Moved {
  /** From the last good answer at the source to the first at the destination, as clients see it. */
  readonly downMs: number
  readonly bytes: number
}
type Move = (context: TrialContext, deployment: Deployment) => Promise<{ readonly bytes: number }>

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

const pushed: Move = async (context, deployment) => {
  const timeline = createTimeline(systemClock, systemClock.monotonicNs())
  const changed = systemClock.sleep(300, context.signal).then(() => change(context))
  const [{ transferredBytes: bytes }] = await Promise.all([
    flockerVolume.migrate(context, deployment, timeline),
    changed,
  ])
  const steps = timeline.phases.map(({ name, startMs, endMs }) => `${name} ${(endMs - startMs).toFixed(0)}`)
  tell(`  ${steps.join(', ')} ms`)
  return { bytes }
}

/**
 * What somebody does who has no such engine: the container is stopped, the volume copied whole, another one started. A copy that is
 * not on the disk yet when the source's is removed would be none: sync.
 */
function copiedWhole(copy: (context: TrialContext, folder: string) => Promise<number>): Move {
  return async (context, deployment) => {
    const { source, destination, image } = context
    const folder = volumeMounts(context)[0]?.source ?? ''
    await change(context)
    await docker(context, source, ['stop', deployment.container])
    await runChecked(destination, ['mkdir', '-p', folder], { what: 'folder of the volume' })
    const bytes = await copy(context, folder)
    await runChecked(destination, ['sync', '-f', folder], { what: 'sync' })
    const container = await docker(context, destination, ['create', ...containerArguments(context, image.id)])
    await docker(context, destination, ['start', container])
    await announce(context, destination, 3)
    return { bytes }
  }
}

/** Nothing is faster: no comparison, no encryption, one stream. */
async function byTar({ source, destination, signal }: TrialContext, folder: string): Promise<number> {
  const receiver = await openReceiver(destination, source, ['tar', '-x', '-C', folder])
  return (await receiver.receiveFrom(source, ['tar', '-c', '-C', folder, '.'], signal)).bytes
}

/** What most people would take; its own protocol, without encryption. */
async function byRsync({ source, destination, signal }: TrialContext, folder: string): Promise<number> {
  const port = 8730
  const settings = `[copy]\npath = ${folder}\nread only = no\nuid = root\ngid = root\nuse chroot = no\n`
  const serve = `printf %s "$1" >"$2.conf" && exec rsync --daemon --no-detach --port=${port} --config="$2.conf"`
  const daemon = await destination.stream({ argv: ['sh', '-c', serve, 'sh', settings, folder] })
  try {
    const target = `rsync://${destination.address}:${port}/copy/`
    const once = 'rsync -aHAX --numeric-ids --stats --no-human-readable . "$1"'
    // It may not listen yet.
    const send = `${once} 2>/dev/null || { sleep 0.1; ${once}; }`
    const { stdout } = await runChecked(source, ['sh', '-c', `cd "$2" && ${send}`, 'sh', target, folder], {
      what: 'rsync',
      signal,
    })
    return Number(/^Total bytes sent: (\d+)/m.exec(stdout)?.[1])
  } finally {
    daemon.kill()
  }
}

/** Clients ask all the while. */
async function measured(
  { dependencies }: Bench,
  context: TrialContext,
  move: () => ReturnType<Move>,
): Promise<Moved> {
  const { workload, service, folder, signal } = context
  const target = { host: service.address, port: service.port }
  const probe = { target, spec: workload.probe, ratePerSecond, timeoutMs: 5000 }
  const ended = new AbortController()
  const session = await dependencies.startProbes(
    { ...probe, samplesFile: join(folder, 'samples.ndjson.gz') },
    AbortSignal.any([signal, ended.signal]),
  )
  try {
    await systemClock.sleep(1000, signal)
    const migrateStart = systemClock.monotonicNs()
    const { bytes } = await move()
    const migrateEnd = systemClock.monotonicNs()
    await dependencies.waitUntilAnswering(target, workload.probe, workload.readyTimeoutMs, signal)
    await systemClock.sleep(1000, signal)
    const { samples, start: baselineStart, end } = await session.stop()
    const marks = { baselineStart, migrateStart, migrateEnd, end }
    const { serviceDowntimeMs } = measureService(samples, marks, probe).metrics
    if (serviceDowntimeMs === undefined) throw new Error('clients saw no downtime, or no end of it')
    return { downMs: serviceDowntimeMs, bytes }
  } finally {
    ended.abort()
  }
}

await runBench(async (bench) => {
  const { dependencies } = bench
  const context = await bench.trialOf('files')
  const { workload, image, signal, source, destination, service } = context
  for (const host of [source, destination]) {
    await dependencies.loadImage(host, image, signal)
    await prepareForVolumes(host, signal)
  }
  const address = { host: service.address, port: service.port }
  const ways = {
    'stop, copy by rsync, start': copiedWhole(byRsync),
    'stop, copy by tar, start': copiedWhole(byTar),
    'flocker-volume': pushed,
  }
  const rows: string[][] = []
  for (const rate of options.rate.split(',')) {
    for (const host of [source, destination]) {
      await clearLinks(host, signal)
      if (rate !== 'none') await setLink(host, 'mgmt', { rateBitsPerSecond: parseLinkRate(rate) }, signal)
    }
    const moves = new Map<string, Moved[]>()
    for (let repetition = 0; repetition < Number(options.repetitions); repetition += 1) {
      for (const [name, move] of Object.entries(ways)) {
        const deployment = await flockerVolume.deploy(context)
        await dependencies.waitUntilAnswering(address, workload.probe, workload.readyTimeoutMs, signal)
        await dependencies.fillState(workload, address, { sizeBytes, seed: 1, signal })
        const moved = await measured(bench, context, () => move(context, deployment))
        await flockerVolume.remove(context)
        const folder = volumeMounts(context)[0]?.source ?? ''
        await runChecked(destination, ['rm', '-rf', folder, `${folder}.conf`], { what: 'removal of a copy' })
        moves.set(name, [...(moves.get(name) ?? []), moved])
        tell(`${rate}: ${name}: down ${moved.downMs.toFixed(0)} ms, ${humanSize(moved.bytes)}`)
      }
    }
    rows.push(...rowsOf(rate, moves))
  }
  printTable([`files ${options.size}`, 'link', 'down ms', 'range', 'sent', 'ratio', 'at most'], rows)
})

/** Ratios are to the faster of the whole copies. */
function rowsOf(rate: string, moves: ReadonlyMap<string, readonly Moved[]>): string[][] {
  const down = new Map([...moves].map(([name, all]) => [name, median(all.map(({ downMs }) => downMs))]))
  const whole = Math.min(...[...down].flatMap(([name, ms]) => (name === 'flocker-volume' ? [] : [ms])))
  return [...moves].map(([name, all]) => {
    const values = all.map(({ downMs }) => downMs)
    const ms = down.get(name) ?? Number.NaN
    const judged = name === 'flocker-volume'
    if (judged && !(ms / whole <= atMost)) process.exitCode = 1
    return [
      name,
      rate,
      ms.toFixed(0),
      `${Math.min(...values).toFixed(0)} … ${Math.max(...values).toFixed(0)}`,
      humanSize(median(all.map(({ bytes }) => bytes))),
      (ms / whole).toFixed(2),
      judged ? atMost.toFixed(2) : '–',
    ]
  })
}
