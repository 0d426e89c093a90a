// Measured truth: freezes a workload with SIGSTOP and SIGCONT for a known time and compares what the client measured.
//   npm run bench:freeze -- [--workload counter,redis] [--freeze 50,200,1000] [--rate 200] [--repetitions 5]
// Exits 1 when any measured service downtime is off by more than 1/rate + 3 ms. A measurement is thrown away, counted by its
// reason, and made again, when the generator was late (`generatorFault`, or by 3 ms before the freeze), when a processor
// stood still for more than a millisecond beside the freeze, or when the freeze is not known to the millisecond. None of
// the reasons looks at the measured downtime.
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { mustRunLocal } from '../src/core/process.ts'
import { millisecondsBetween, systemClock } from '../src/core/time.ts'
import { generatorFault, stalledMs } from '../src/probes/health.ts'
import { measureService } from '../src/probes/measure.ts'
import type { Sample } from '../src/probes/sample.ts'
import { startProbes } from '../src/probes/session.ts'
import { dockerCommit } from '../src/toolchains/docker-commit.ts'
import type { TrialContext } from '../src/toolchains/toolchain.ts'
import { type Bench, runBench, tell } from './support/bench.ts'
import { pidOnMachine } from './support/process.ts'
import { median, printTable } from './support/table.ts'

const { values: options } = parseArgs({
  options: {
    workload: { type: 'string', default: 'counter,redis' },
    freeze: { type: 'string', default: '50,200,1000' },
    rate: { type: 'string', default: '200' },
    repetitions: { type: 'string', default: '5' },
  },
})
const ratePerSecond = Number(options.rate)
const repetitions = Number(options.repetitions)
const toleranceMs = 1000 / ratePerSecond + 3
const attempts = 25

interface Measured {
  readonly frozenMs: number
  readonly measuredMs: number
}

/** Why a measurement was thrown away. */
const faults = ['generator late', 'standstill', 'freeze not exact'] as const
type Fault = (typeof faults)[number]

/** Freezes once in the middle of a recording. Answers a fault when the measurement was not good enough. */
async function freezeOnce(context: TrialContext, pid: number, freezeMs: number): Promise<Measured | Fault> {
  const { workload, service, folder, signal } = context
  const timeoutMs = 5000
  const session = await startProbes(
    {
      target: { host: service.address, port: service.port },
      spec: workload.probe,
      ratePerSecond,
      timeoutMs,
      samplesFile: join(folder, 'samples.ndjson.gz'),
    },
    signal,
  )
  await systemClock.sleep(700, signal)
  const stop = stamped(() => process.kill(pid, 'SIGSTOP'))
  await systemClock.sleep(freezeMs, signal)
  const go = stamped(() => process.kill(pid, 'SIGCONT'))
  await systemClock.sleep(700, signal)
  const recording = await session.stop()
  const marks = {
    baselineStart: recording.start,
    migrateStart: stop.at,
    migrateEnd: go.at,
    end: recording.end,
  }
  const { metrics, outage } = measureService(recording.samples, marks, { ratePerSecond, timeoutMs })
  if (stop.uncertaintyMs + go.uncertaintyMs > 1) return 'freeze not exact'
  const { samples, stalls } = recording
  if (generatorFault(recording.health, ratePerSecond, outage, stalls) !== undefined) return 'generator late'
  if (outage === undefined || metrics.serviceDowntimeMs === undefined) {
    throw new Error(`the client saw no downtime although the workload was frozen for ${freezeMs} ms`)
  }
  if (Math.max(outage.edgeLateMs, lateBefore(samples, stop.at)) > 3) return 'generator late'
  // Known here and nowhere else: when the freeze began and ended. What stands still beside it prolongs the gap.
  const stillMs = Math.max(stalledMs(stalls, outage.from, stop.at), stalledMs(stalls, go.at, outage.to))
  if (stillMs > 1) return 'standstill'
  return { frozenMs: millisecondsBetween(stop.at, go.at), measuredMs: metrics.serviceDowntimeMs }
}

/** The largest lateness of the probes that were sent, or waited to be sent, within three intervals before `stop`. */
function lateBefore(samples: readonly Sample[], stop: bigint): number {
  const from = stop - BigInt(Math.round(3e9 / ratePerSecond))
  const last = samples.filter(({ due, sent }) => due <= stop && sent >= from)
  return Math.max(0, ...last.map(({ due, sent }) => millisecondsBetween(due, sent)))
}

/** What is tested is the client: neither the frozen workload nor this bench shall wait for a processor. */
async function preferProcess(pid: number): Promise<void> {
  await mustRunLocal(['renice', '-n', '-20', '-p', String(pid)])
}

/** Does something at an instant that is known to `uncertaintyMs`: this process can be interrupted in the middle of it. */
function stamped(action: () => void): { at: bigint; uncertaintyMs: number } {
  const before = systemClock.monotonicNs()
  action()
  const after = systemClock.monotonicNs()
  return { at: (before + after) / 2n, uncertaintyMs: millisecondsBetween(before, after) }
}

async function freezeUntilMeasured(
  context: TrialContext,
  pid: number,
  freezeMs: number,
  thrownAway: Map<Fault, number>,
): Promise<Measured> {
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const measured = await freezeOnce(context, pid, freezeMs)
    if (typeof measured !== 'string') return measured
    thrownAway.set(measured, (thrownAway.get(measured) ?? 0) + 1)
  }
  const reasons = [...thrownAway].map(([fault, count]) => `${fault} ${count}`).join(', ')
  throw new Error(
    `no measurement of ${attempts} in a row was good enough (${reasons}): this machine is too busy to measure on`,
  )
}

async function benchWorkload({ dependencies, trialOf }: Bench, name: string): Promise<string[][]> {
  const context = await trialOf(name)
  const { workload, source, signal } = context
  await dependencies.loadImage(source, context.image, signal)
  try {
    const deployment = await dockerCommit.deploy(context)
    await dependencies.waitUntilAnswering(deployment.address, workload.probe, workload.readyTimeoutMs, signal)
    const pid = await pidOnMachine(source, deployment.pid)
    await preferProcess(pid)
    await preferProcess(process.pid)
    const rows: string[][] = []
    for (const freezeMs of options.freeze.split(',').map(Number)) {
      const runs: Measured[] = []
      const thrownAway = new Map<Fault, number>()
      while (runs.length < repetitions)
        runs.push(await freezeUntilMeasured(context, pid, freezeMs, thrownAway))
      const errors = runs.map((run) => run.measuredMs - run.frozenMs)
      const within = errors.filter((error) => Math.abs(error) <= toleranceMs).length
      if (within < errors.length) process.exitCode = 1
      rows.push([
        workload.name,
        String(freezeMs),
        median(runs.map((run) => run.frozenMs)).toFixed(1),
        median(runs.map((run) => run.measuredMs)).toFixed(1),
        `${Math.min(...errors).toFixed(1)} … ${Math.max(...errors).toFixed(1)}`,
        toleranceMs.toFixed(1),
        (Math.abs(median(errors)) / toleranceMs).toFixed(2),
        `${within}/${runs.length}`,
        ...faults.map((fault) => String(thrownAway.get(fault) ?? 0)),
      ])
      tell(rows.at(-1)?.join('  ') ?? '')
    }
    return rows
  } finally {
    await dockerCommit.remove({ ...context, signal: AbortSignal.timeout(30_000) })
  }
}

await runBench(async (bench) => {
  const rows: string[][] = []
  for (const name of options.workload.split(',')) rows.push(...(await benchWorkload(bench, name)))
  printTable(
    [
      'workload',
      'asked ms',
      'frozen ms',
      'measured ms',
      'error ms',
      'allowed ms',
      'median ÷ allowed',
      'within',
      ...faults,
    ],
    rows,
  )
})
