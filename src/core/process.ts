import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { execa } from 'execa'
import { type ErrorKind, TestbedError } from './errors.ts'

/** Program and arguments; never a string that a shell takes apart. */
export type Argv = readonly [string, ...string[]]

export interface LocalOptions {
  readonly input?: string | Uint8Array
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Milliseconds before the process is killed. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
  /** Called with every line of stdout and stderr, as it comes. */
  readonly onLine?: (line: string) => void
}

export interface LocalResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/**
 * Runs a program on this machine: the one place that spawns.
 * Answers whatever the exit code; a program that cannot be started has exit code 127, one that was killed 128.
 * @throws the signal's reason when aborted.
 */
export async function runLocal(argv: Argv, options: LocalOptions = {}): Promise<LocalResult> {
  const [program, ...args] = argv
  const subprocess = execa(program, args, {
    reject: false,
    stripFinalNewline: false,
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    ...(options.env === undefined ? {} : { env: options.env }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.timeoutMs === undefined ? {} : { timeout: options.timeoutMs }),
    ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
    forceKillAfterDelay: 2000,
    maxBuffer: 64 * 1024 * 1024,
  })
  if (options.onLine !== undefined) void reportLines(subprocess, options.onLine)
  const result = await subprocess
  if (options.signal?.aborted === true) throw options.signal.reason
  const started = result.exitCode !== undefined
  const killed = result.signal !== undefined || result.timedOut
  return {
    exitCode: result.exitCode ?? (killed ? 128 : 127),
    stdout: result.stdout,
    stderr: result.stderr + (started ? '' : `${result.shortMessage ?? 'could not be started'}\n`),
  }
}

async function reportLines(
  subprocess: { iterable(options: { from: 'all' | 'stdout' | 'stderr' }): AsyncIterable<unknown> },
  onLine: (line: string) => void,
): Promise<void> {
  const follow = async (from: 'stdout' | 'stderr') => {
    for await (const line of subprocess.iterable({ from })) onLine(String(line))
  }
  // The process's own result tells what went wrong; here only its lines are followed.
  await Promise.allSettled([follow('stdout'), follow('stderr')])
}

/**
 * As `runLocal`, and a failure is an error of `kind` that shows the last lines of what the program said.
 * @throws TestbedError when the exit code is not 0.
 */
export async function mustRunLocal(
  argv: Argv,
  options: LocalOptions & {
    readonly kind?: ErrorKind
    readonly what?: string
    readonly hint?: string
    readonly log?: string
  } = {},
): Promise<LocalResult> {
  const result = await runLocal(argv, options)
  if (result.exitCode === 0) return result
  const { hint, log } = options
  throw new TestbedError(
    options.kind ?? 'testbed',
    `${options.what ?? argv.slice(0, 3).join(' ')} failed (exit ${result.exitCode})`,
    {
      why: lastLines(result.stderr.trim() === '' ? result.stdout : result.stderr),
      ...(hint === undefined ? {} : { hint }),
      ...(log === undefined ? {} : { log }),
    },
  )
}

/** Runs a program that has this process's own terminal, or whatever stands in for it. Answers its exit code. */
export async function runAttached(argv: Argv): Promise<number> {
  const [program, ...args] = argv
  const { exitCode } = await execa(program, args, { reject: false, stdio: 'inherit' })
  return exitCode ?? 128
}

/**
 * What a program of this machine writes, as it is.
 * @throws TestbedError when the exit code is not 0.
 */
export async function mustReadLocal(argv: Argv, timeoutMs: number): Promise<Uint8Array> {
  const [program, ...args] = argv
  const result = await execa(program, args, {
    reject: false,
    stdin: 'ignore',
    encoding: 'buffer',
    timeout: timeoutMs,
  })
  if (result.exitCode === 0) return result.stdout
  const why = lastLines(new TextDecoder().decode(result.stderr))
  throw new TestbedError('testbed', `${argv.slice(0, 3).join(' ')} failed (exit ${result.exitCode ?? 127})`, {
    why: why.length > 0 ? why : lastLines(result.shortMessage ?? ''),
  })
}

/** The last `count` lines of a program's output that are not empty. */
export function lastLines(text: string, count = 6): string[] {
  return text
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '')
    .slice(-count)
}

/**
 * Starts a program that outlives this one: a session of its own, no input, its output appended to `logFile`.
 * Answers once it has started. @throws when the program does not exist.
 */
export async function startDetached(argv: Argv, logFile: string): Promise<void> {
  const [program, ...args] = argv
  const log = await open(logFile, 'a')
  try {
    const child = spawn(program, args, { detached: true, stdio: ['ignore', log.fd, log.fd] })
    await once(child, 'spawn')
    child.unref()
  } finally {
    await log.close()
  }
}

/** Prefix for work that must not outlive this program, however it ends: it gets a pid namespace that dies with it. */
export const dieTogether = [
  'setpriv',
  '--pdeathsig',
  'KILL',
  'unshare',
  '--mount',
  '--propagation',
  'private',
  '--pid',
  '--fork',
  '--kill-child',
  '--mount-proc',
  '--',
] as const
