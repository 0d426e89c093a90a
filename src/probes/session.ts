import { isAbsolute } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execaNode } from 'execa'
import type { ProbeSpec } from '../config/resolved.ts'
import { messageOf, TestbedError } from '../core/errors.ts'
import { exchangeFor, type ProbeTarget } from './exchange.ts'
import { type GeneratorFigures, generatorHealth } from './health.ts'
import type { FromProcess, ProcessRequest, ToProcess } from './messages.ts'
import type { Priority } from './priority.ts'
import type { Sample } from './sample.ts'
import { readSamples } from './samples-file.ts'
import type { Stall } from './stall-watch.ts'

export interface ProbeOptions {
  readonly target: ProbeTarget
  readonly spec: ProbeSpec
  /** Of the `service` stream. */
  readonly ratePerSecond: number
  /** Of the `connection` stream: `min(ratePerSecond, 50)` unless told. */
  readonly connectionRatePerSecond?: number
  /** After which an unanswered probe of the `service` stream is given up. */
  readonly timeoutMs: number
  /** Absolute path of the `samples.ndjson.gz` to write; its folder is made. */
  readonly samplesFile: string
}

export interface Recording {
  /** In the order of sending, both streams. */
  readonly samples: readonly Sample[]
  /** When probe 0 was due, and when the probes were stopped; monotonic nanoseconds. */
  readonly start: bigint
  readonly end: bigint
  /** Of the `connection` stream; that of the `service` stream is as asked for. */
  readonly connectionRatePerSecond: number
  readonly health: GeneratorFigures
  /** When processors of this machine stood still. */
  readonly stalls: readonly Stall[]
  /** What the system let the probing process have. */
  readonly priority: Priority
  /** Processor time that the probing process used while it probed. */
  readonly cpuMs: number
}

export interface ProbeSession {
  readonly start: bigint
  readonly priority: Priority
  /** Resolves once the kept connection is answered from now on, or has died; also when the probes are over. */
  connectionTold(): Promise<void>
  /** Ends both streams and returns all samples; the same recording when called again. */
  stop(): Promise<Recording>
}

const startDeadlineMs = 20_000
/** Writing is quick; gzip of a night's samples is not. */
const stopDeadlineMs = 60_000
const defaultConnectionRatePerSecond = 50

/**
 * Starts both request streams in a process of its own. When `signal` is aborted that process is killed and its samples
 * are lost. Throws `TestbedError`: configuration for a spec that cannot be asked, internal when the process fails.
 */
export async function startProbes(options: ProbeOptions, signal: AbortSignal): Promise<ProbeSession> {
  signal.throwIfAborted()
  exchangeFor(options.spec, options.target)
  if (!isAbsolute(options.samplesFile)) throw new TypeError('samplesFile must be an absolute path')
  const request: ProcessRequest = {
    ...options,
    connectionRatePerSecond:
      options.connectionRatePerSecond ?? Math.min(options.ratePerSecond, defaultConnectionRatePerSecond),
  }
  const child = spawnProbes(signal)
  const { priority } = await child.expect('ready', startDeadlineMs)
  const [{ start }] = await Promise.all([
    child.expect('started', startDeadlineMs),
    child.tell({ kind: 'start', request }),
  ])

  const stop = async (): Promise<Recording> => {
    signal.throwIfAborted()
    const [{ end, cpuMs, stalls }] = await Promise.all([
      child.expect('stopped', stopDeadlineMs),
      child.tell({ kind: 'stop' }),
    ])
    await child.ended
    signal.throwIfAborted()
    const samples = await readSamples(options.samplesFile)
    const health = generatorHealth(samples, stalls, { start, end, ratePerSecond: options.ratePerSecond })
    const { connectionRatePerSecond } = request
    return { samples, start, end, connectionRatePerSecond, health, stalls, priority, cpuMs }
  }
  let recording: Promise<Recording> | undefined
  return {
    start,
    priority,
    connectionTold: async () => {
      if (recording !== undefined) return
      await child.tell({ kind: 'await-connection' })
      await child.said('connection-told')
    },
    stop: () => {
      recording ??= stop()
      return recording
    },
  }
}

/** The path of the process beside this file, from `src/` as well as from `dist/`. */
function processFile(): string {
  const url = import.meta.url.endsWith('.ts')
    ? new URL('./process.ts', import.meta.url)
    : new URL('./process.js', import.meta.url)
  return fileURLToPath(url)
}

function spawnProbes(signal: AbortSignal) {
  const child = execaNode(processFile(), {
    ipc: true,
    // None of ours (a loader, an inspector). Its own: it must not wait for helper threads, which have no priority.
    nodeOptions: ['--single-threaded-gc'],
    // A session of its own: Ctrl-C in the terminal does not reach it, and it can be given a share of the processor of
    // its own (priority.ts). It still ends with its parent: it watches the channel.
    detached: true,
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'pipe',
    reject: false,
    cancelSignal: signal,
    killSignal: 'SIGKILL',
    // A file that a process of ours writes is read back, never its output; the channel carries no more than stamps.
    buffer: { ipc: false, stderr: true },
  })
  const ended = child.then((result) => result)

  const failure = async (what: string, cause: unknown): Promise<Error> => {
    child.kill()
    const result = await ended
    if (signal.aborted) return signal.reason as Error
    return new TestbedError('internal', `the probing process ${what}`, {
      why: [...result.stderr.split('\n').filter(Boolean).slice(-5), messageOf(cause)],
      cause,
    })
  }
  return {
    ended,
    async tell(message: ToProcess): Promise<void> {
      try {
        await child.sendMessage(message)
      } catch (error) {
        throw await failure('cannot be told anything', error)
      }
    },
    /** Resolves when it says this, however late, or ends: whoever waits for its end is told why. */
    async said(kind: FromProcess['kind']): Promise<void> {
      const filter = (message: unknown) => (message as FromProcess).kind === kind
      await Promise.race([child.getOneMessage({ filter }).catch(() => undefined), ended])
    },
    /** The next message of this kind, or of a failure. Past the deadline the process is killed. */
    async expect<Kind extends FromProcess['kind']>(
      kind: Kind,
      deadlineMs: number,
    ): Promise<Extract<FromProcess, { kind: Kind }>> {
      let late = false
      const timer = setTimeout(() => {
        late = true
        child.kill()
      }, deadlineMs)
      try {
        const filter = (said: unknown) => [kind, 'failed'].includes((said as FromProcess).kind)
        const message = (await child.getOneMessage({ filter })) as FromProcess
        if (message.kind === 'failed') throw new Error(message.message)
        return message as Extract<FromProcess, { kind: Kind }>
      } catch (error) {
        throw await failure(late ? `was not ${kind} within ${deadlineMs} ms` : 'failed', error)
      } finally {
        clearTimeout(timer)
      }
    },
  }
}
