// Overhead against the limit: the frozen time of Redis moved by CRIU alone, in a shell script by hand with everything staged
// (dump to a tmpfs, the same bytes over one open TCP connection, restore), against the toolchains, in one run.
//   npm run bench:criu-overhead -- [--size 256MiB] [--repetitions 5]
// Exits 1 when the median of runc-stop-copy is above 1.10 of the one by hand, or that of runc-diskless above 0.75.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { systemClock } from '../src/core/time.ts'
import { parseSize } from '../src/core/units.ts'
import type { Argv, Host } from '../src/hosts/host.ts'
import { announce } from '../src/toolchains/docker.ts'
import { prepareHost } from '../src/toolchains/runc/host-side.ts'
import { parseStatistics } from '../src/toolchains/runc/rounds.ts'
import { runcToolchains } from '../src/toolchains/runc/runc.ts'
import { startSide } from '../src/toolchains/side.ts'
import { createTimeline } from '../src/toolchains/timeline.ts'
import type { Toolchain, TrialContext } from '../src/toolchains/toolchain.ts'
import { runBench, tell } from './support/bench.ts'
import { median, printTable } from './support/table.ts'

const { values: options } = parseArgs({
  options: { size: { type: 'string', default: '256MiB' }, repetitions: { type: 'string', default: '5' } },
})
const atMost: Readonly<Record<string, number>> = { 'runc-stop-copy': 1.1, 'runc-diskless': 0.75 }

interface Move {
  readonly frozenMs: number
  /** From the last page dumped to the last byte there. */
  readonly transferMs?: number
}

/** As the tool does it. */
async function byToolchain(toolchain: Toolchain, context: TrialContext, pid: number): Promise<Move> {
  const timeline = createTimeline(systemClock, systemClock.monotonicNs())
  const { source: host, service } = context
  const running = { host, pid, container: '', address: { host: service.address, port: service.port } }
  const { figures } = await toolchain.migrate(context, running, timeline)
  const { frozenMs } = (await figures?.()) ?? {}
  if (frozenMs === undefined) throw new Error(`${toolchain.name} does not know how long it froze`)
  const transfer = timeline.phases.find(({ name }) => name === 'transfer')
  return { frozenMs, ...(transfer === undefined ? {} : { transferMs: transfer.endMs - transfer.startMs }) }
}

/** By the scripts in support/; both hosts have this machine's clock. */
async function byHand(context: TrialContext, pid: number): Promise<Move> {
  const { source, destination, signal } = context
  await prepareHost(context, destination, { memory: 'stop-copy', rounds: false })
  const start = async (host: Host, name: string, ...args: string[]) => {
    const script = await readFile(join(import.meta.dirname, 'support', `by-hand-${name}.sh`), 'utf8')
    const argv: Argv = ['sh', '-c', script, name, ...args]
    return await startSide(host, argv, {}, signal)
  }
  const limit = { what: 'the move by hand', ms: 60_000 }
  const there = await start(destination, 'destination', destination.address)
  const here = await start(source, 'source', String(pid), destination.address, String(await there.port))
  await here.expect('connected', limit)
  await systemClock.sleep(300, signal)
  here.tell('go')
  const [sent, restored] = await Promise.all([here.expect('sent', limit), there.expect('restored', limit)])
  await announce(context, destination, 2)
  const [dumpedAt = '', statistics] = sent.split(' ')
  const { freezingUs, frozenUs } = parseStatistics(statistics)
  const frozenAtNs = BigInt(dumpedAt.replace('.', '')) - BigInt(freezingUs + frozenUs) * 1000n
  return { frozenMs: Number(BigInt(restored) - frozenAtNs) / 1e6 }
}

await runBench(async ({ dependencies, trialOf }) => {
  const trial = await trialOf('redis')
  const { workload, image, signal } = trial
  const tools = runcToolchains.filter(({ name }) => atMost[name] !== undefined)
  const [first] = tools
  if (first === undefined) throw new Error('no toolchain to measure')
  for (const host of [trial.source, trial.destination]) {
    await dependencies.loadImage(host, image, signal)
    await first.prepare?.(host, image, signal)
  }
  const moves = new Map<string, Move[]>()
  const ways = [
    { name: 'by hand', move: (pid: number) => byHand(trial, pid) },
    ...tools.map((tool) => ({ name: tool.name, move: (pid: number) => byToolchain(tool, trial, pid) })),
  ]
  for (let repetition = 0; repetition < Number(options.repetitions); repetition += 1) {
    for (const { name, move } of ways) {
      const { pid, address } = await first.deploy(trial)
      await dependencies.waitUntilAnswering(address, workload.probe, workload.readyTimeoutMs, signal)
      await dependencies.fillState(workload, address, {
        sizeBytes: parseSize(options.size),
        seed: 1,
        signal,
      })
      const moved = await move(pid)
      await dependencies.waitUntilAnswering(address, workload.probe, 5000, signal)
      await first.remove(trial)
      moves.set(name, [...(moves.get(name) ?? []), moved])
      tell(
        `${name}: frozen ${moved.frozenMs.toFixed(0)} ms, transfer ${moved.transferMs?.toFixed(0) ?? '-'} ms`,
      )
    }
  }
  const frozen = (name: string) => median((moves.get(name) ?? []).map(({ frozenMs }) => frozenMs))
  const rows = [...moves].map(([name, all]) => {
    const ratio = frozen(name) / frozen('by hand')
    const limit = atMost[name]
    if (limit !== undefined && ratio > limit) process.exitCode = 1
    const transfers = all.flatMap(({ transferMs }) => (transferMs === undefined ? [] : [transferMs]))
    const values = all.map(({ frozenMs }) => frozenMs)
    return [
      name,
      frozen(name).toFixed(0),
      `${Math.min(...values).toFixed(0)} … ${Math.max(...values).toFixed(0)}`,
      transfers.length === 0 ? '–' : median(transfers).toFixed(0),
      ratio.toFixed(2),
      limit?.toFixed(2) ?? '–',
    ]
  })
  printTable([`redis ${options.size}`, 'frozen ms', 'range', 'transfer ms', 'ratio', 'at most'], rows)
})
