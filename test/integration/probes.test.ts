import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { ProbeSpec } from '../../src/config/resolved.ts'
import { TestbedError } from '../../src/core/errors.ts'
import { continuity, sequenceLoss } from '../../src/probes/continuity.ts'
import { generatorFault, type MeasuredOutage, stalledMs } from '../../src/probes/health.ts'
import type { Marks } from '../../src/probes/marks.ts'
import { measureService } from '../../src/probes/measure.ts'
import { waitUntilAnswering } from '../../src/probes/ready.ts'
import { type Recording, startProbes } from '../../src/probes/session.ts'
import { type ConnectionFate, connectionFate } from '../../src/probes/socket.ts'

const specs = {
  http: { protocol: 'http', path: '/', expectStatus: 200, identity: '/identity', sequence: '/count' },
  redis: { protocol: 'redis', sequenceKey: 'probe' },
} as const satisfies Record<string, ProbeSpec>
const serverFile = fileURLToPath(new URL('../support/probe-target.ts', import.meta.url))
const parentFile = fileURLToPath(new URL('../support/probe-parent.ts', import.meta.url))
const ratePerSecond = 200
const timeoutMs = 5000
const settings = { ratePerSecond, timeoutMs }
const never = new AbortController().signal

let folder: string
let children: ChildProcess[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'probes-'))
  children = []
})

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL')
  await rm(folder, { recursive: true, force: true })
})

async function startServer(kind: string, port = 0): Promise<{ server: ChildProcess; port: number }> {
  const server = spawn(process.execPath, [serverFile, kind, String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  })
  children.push(server)
  const [line] = (await once(server.stdout, 'data')) as [Buffer]
  return { server, port: Number(line.toString()) }
}

function isRunning(pid: number): boolean {
  try {
    // Gone but not yet reaped by whoever inherited it is gone too.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

const now = (): bigint => process.hrtime.bigint()

interface Watched {
  readonly recording: Recording
  readonly marks: Marks
}

/** Probes `port` for a second and a half, does `disturb`, waits `settleMs` and stops. */
async function watch(
  spec: ProbeSpec,
  port: number,
  disturb: () => Promise<void>,
  settleMs = 1000,
): Promise<Watched> {
  const target = { host: '127.0.0.1', port }
  await waitUntilAnswering(target, spec, 5000, never)
  const samplesFile = join(folder, 'samples.ndjson.gz')
  const session = await startProbes({ target, spec, ratePerSecond, timeoutMs, samplesFile }, never)
  await delay(1500)
  const migrateStart = now()
  await disturb()
  const migrateEnd = now()
  await delay(settleMs)
  const recording = await session.stop()
  return { recording, marks: { baselineStart: session.start, migrateStart, migrateEnd, end: recording.end } }
}

function fateOf(recording: Recording, marks: Marks): ConnectionFate {
  const { samples, connectionRatePerSecond } = recording
  return connectionFate(samples, marks, { ratePerSecond: connectionRatePerSecond, timeoutMs })
}

interface Frozen {
  readonly atLeastMs: number
  readonly atMostMs: number
}

/** Freezes the server; how long is known up to the time that the two signals took. */
async function freeze(server: ChildProcess, ms: number): Promise<Frozen> {
  const beforeStop = now()
  server.kill('SIGSTOP')
  const afterStop = now()
  await delay(ms - 5)
  while (now() < beforeStop + BigInt(ms) * 1_000_000n);
  const beforeContinue = now()
  server.kill('SIGCONT')
  const afterContinue = now()
  return {
    atLeastMs: Number(beforeContinue - afterStop) / 1e6,
    atMostMs: Number(afterContinue - beforeStop) / 1e6,
  }
}

/** The longest standstill of a processor at either edge, within an interval of the kept connection's probes. */
function stillAtEdges({ stalls, connectionRatePerSecond }: Recording, outage?: MeasuredOutage): number {
  if (outage === undefined) return 0
  const interval = BigInt(Math.round(1e9 / connectionRatePerSecond))
  const { from, to } = outage
  // Not after the end: whoever was waiting is answered then, all at once.
  return Math.max(stalledMs(stalls, from - interval, from + interval), stalledMs(stalls, to - interval, to))
}

/**
 * A freeze measured by a generator that kept its schedule. One that did not says so, and its figures count for nothing,
 * here as in an experiment: it is measured again, three times at most.
 */
async function watchFreeze(kind: 'http' | 'redis', freezeMs: number) {
  const faults: string[] = []
  while (faults.length < 3) {
    const { server, port } = await startServer(kind)
    let frozen: Frozen = { atLeastMs: 0, atMostMs: 0 }
    const { recording, marks } = await watch(specs[kind], port, async () => {
      await delay(103)
      frozen = await freeze(server, freezeMs)
    })
    server.kill('SIGKILL')
    const measured = measureService(recording.samples, marks, settings)
    const edgeLateMs = measured.outage?.edgeLateMs ?? 0
    const fault = generatorFault(recording.health, ratePerSecond, measured.outage, recording.stalls)
    const stillMs = stillAtEdges(recording, measured.outage)
    if (fault === undefined && Math.max(edgeLateMs, stillMs) <= 3)
      return { frozen, recording, marks, measured }
    faults.push(fault ?? `sent ${edgeLateMs} ms late, and a processor still for ${stillMs} ms, at an edge`)
  }
  throw new Error(`no valid measurement: ${faults.join('; ')}`)
}

for (const kind of ['http', 'redis'] as const) {
  for (const freezeMs of [50, 200, 1000]) {
    test(`${kind}: a freeze of ${freezeMs} ms is measured within 1/rate + 3 ms`, async () => {
      const { frozen, recording, marks, measured } = await watchFreeze(kind, freezeMs)
      expect(measured.restored).toBe(true)
      expect(measured.metrics.failedRequests).toBe(0)
      // A process that is on the other core when it is told to stop answers for a fraction of a millisecond more.
      expect(measured.metrics.serviceDowntimeMs).toBeGreaterThan(frozen.atLeastMs - 1)
      expect(measured.metrics.serviceDowntimeMs).toBeLessThan(frozen.atMostMs + 1000 / ratePerSecond + 3)

      const fate = fateOf(recording, marks)
      expect(fate.verdict).toBe('survived')
      expect(fate.connectionDowntimeMs).toBeGreaterThan(frozen.atLeastMs - 1)

      const story = continuity(recording.samples, { uniqueSequence: kind === 'redis' })
      expect(story).toMatchObject({ rolledBack: 0, furthestBack: 0 })
      if (kind === 'http') expect(story.restarts).toBe(0)
      else {
        expect(story.repeated).toBe(0)
        expect(sequenceLoss(recording.samples, story.lastSequence ?? 0).lost).toBe(0)
      }
    })
  }
}

test('a server that is killed and started again: restart, reset connection and refused requests', async () => {
  const { server, port } = await startServer('http')
  const { recording, marks } = await watch(specs.http, port, async () => {
    server.kill('SIGKILL')
    await once(server, 'exit')
    await delay(300)
    await startServer('http', port)
  })
  const measured = measureService(recording.samples, marks, settings)
  expect(measured.restored).toBe(true)
  expect(measured.metrics.serviceDowntimeMs).toBeGreaterThan(300)
  const refused = recording.samples.filter(({ outcome }) => outcome === 'refused').length
  expect(refused).toBeGreaterThan(40)
  expect(measured.metrics.failedRequests).toBeGreaterThanOrEqual(refused)
  expect(continuity(recording.samples, { uniqueSequence: false }).restarts).toBe(1)
  const fate = fateOf(recording, marks)
  expect(fate.verdict).toBe('reset')
  const ends = recording.samples.filter(
    ({ stream, outcome }) => stream === 'connection' && outcome !== 'ok' && outcome !== 'unanswered',
  )
  expect(ends).toHaveLength(1)
})

test('whoever waits for the kept connection is told when it answers, and when it dies', async () => {
  const { server, port } = await startServer('http')
  const samplesFile = join(folder, 'samples.ndjson.gz')
  const target = { host: '127.0.0.1', port }
  await waitUntilAnswering(target, specs.http, 5000, never)
  const session = await startProbes(
    { target, spec: specs.http, ratePerSecond, timeoutMs, samplesFile },
    never,
  )
  const told = async (disturb: () => void) => {
    let silent = true
    const waiting = session.connectionTold().then(() => {
      silent = false
    })
    await delay(300)
    const silentBefore = silent
    disturb()
    await waiting
    return silentBefore
  }
  expect(await told(() => undefined)).toBe(false)
  server.kill('SIGSTOP')
  await delay(100)
  expect(await told(() => server.kill('SIGCONT'))).toBe(true)
  server.kill('SIGSTOP')
  await delay(100)
  expect(await told(() => server.kill('SIGKILL'))).toBe(true)
  expect(await told(() => undefined)).toBe(false)
  server.kill('SIGKILL')
  const waiting = session.connectionTold()
  await Promise.all([session.stop(), waiting])
  await session.connectionTold()
})

test('a service that never comes back is censored, not measured', async () => {
  const { server, port } = await startServer('redis')
  const { recording, marks } = await watch(specs.redis, port, async () => {
    server.kill('SIGSTOP')
  })
  const measured = measureService(recording.samples, marks, settings)
  expect(measured.restored).toBe(false)
  expect(measured.metrics.serviceDowntimeMs).toBeUndefined()
  expect(measured.metrics.unavailableMs).toBeUndefined()
  expect(measured.undecidedRequests).toBeGreaterThan(100)
  expect(fateOf(recording, marks).verdict).toBe('stalled')
})

test('thousands of connections that nobody accepts delay no probe', { timeout: 60_000 }, async () => {
  const { server, port } = await startServer('silent')
  server.kill('SIGSTOP')
  const samplesFile = join(folder, 'samples.ndjson.gz')
  const session = await startProbes(
    {
      target: { host: '127.0.0.1', port },
      spec: specs.http,
      ratePerSecond: 1000,
      connectionRatePerSecond: 10,
      timeoutMs: 20_000,
      samplesFile,
    },
    never,
  )
  await delay(5000)
  const { samples, health } = await session.stop()
  const service = samples.filter(({ stream }) => stream === 'service')
  expect(service.length).toBeGreaterThan(4900)
  expect(new Set(service.map(({ outcome }) => outcome))).toEqual(new Set(['unanswered']))
  expect(service.map(({ k }) => k)).toEqual(service.map((_, index) => index))
  expect(health.sent).toBe(health.due)
  expect(health.lateP50Ms).toBeLessThan(3)
})

test('waiting for a first answer ends with what was wrong', async () => {
  const { server, port } = await startServer('http')
  const target = { host: '127.0.0.1', port }
  expect(await waitUntilAnswering(target, specs.http, 5000, never)).toMatchObject({
    outcome: 'ok',
    sequence: 1,
  })
  server.kill('SIGKILL')
  await once(server, 'exit')
  const error = await waitUntilAnswering(target, specs.http, 200, never).catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(TestbedError)
  expect((error as TestbedError).parts).toMatchObject({
    where: `127.0.0.1:${port}`,
    why: ['the last attempt ended: refused (ECONNREFUSED)'],
  })
})

test('unanswered probes time out, and the process ends when it is aborted', async () => {
  const { port } = await startServer('silent')
  const samplesFile = join(folder, 'samples.ndjson.gz')
  const options = { target: { host: '127.0.0.1', port }, spec: specs.http, ratePerSecond: 50, samplesFile }
  const session = await startProbes({ ...options, timeoutMs: 200 }, never)
  await delay(600)
  const { samples } = await session.stop()
  const timedOut = samples.filter(({ outcome }) => outcome === 'timeout')
  expect(timedOut.length).toBeGreaterThan(10)
  for (const { sent, done = 0n } of timedOut) expect(Number(done - sent) / 1e6).toBeGreaterThan(198)

  const abort = new AbortController()
  const aborted = await startProbes({ ...options, timeoutMs: 200 }, abort.signal)
  abort.abort(new Error('enough'))
  await expect(aborted.stop()).rejects.toThrow('enough')
})

test('the probing process ends with its parent, however that ended', async () => {
  const { port } = await startServer('http')
  const parent = spawn(process.execPath, [parentFile, String(port), join(folder, 'samples.ndjson.gz')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(parent)
  await once(parent.stdout, 'data')
  const listed = await readFile(`/proc/${parent.pid}/task/${parent.pid}/children`, 'utf8')
  const probing = listed.trim().split(' ').map(Number)
  expect(probing).toHaveLength(1)
  parent.kill('SIGKILL')
  await vi.waitFor(() => expect(probing.filter(isRunning)).toEqual([]), { timeout: 5000, interval: 50 })
})

test('200 fresh connections a second cost little of one core', async () => {
  const { port } = await startServer('http')
  const { recording } = await watch(specs.http, port, () => delay(4000))
  const share = recording.cpuMs / (Number(recording.end - recording.start) / 1e6)
  process.stderr.write(
    `probing process: ${(share * 100).toFixed(1)} % of a core, ${JSON.stringify(recording.priority)}\n`,
  )
  // docs/measurement.md gives the figure of a machine at rest; this only holds it within bounds on a busy one.
  expect(share).toBeLessThan(0.4)
})
