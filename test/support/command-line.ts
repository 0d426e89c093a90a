import { type ChildProcess, spawn } from 'node:child_process'
import path from 'node:path'
import { packageRoot } from '../../src/config/paths.ts'

export interface CommandLineResult {
  /** 128 when a signal ended it. */
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
  readonly durationMs: number
}

export interface CommandLineOptions {
  readonly cwd: string
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>
  /** Number of the user, and of the group, that it runs as; this process's own when absent. */
  readonly user?: number
}

export interface StartedCommandLine {
  readonly child: ChildProcess
  readonly ended: Promise<CommandLineResult>
  /** What it has said on stderr so far. */
  said(): string
  /** Resolves when stderr matches, or when it ended without. */
  says(pattern: RegExp): Promise<boolean>
}

const entry = path.join(packageRoot, 'bin', 'testbed.js')

/** Starts the command line as a user does: a process of its own, without a terminal, with nothing on its stdin. */
export function startCommandLine(args: readonly string[], options: CommandLineOptions): StartedCommandLine {
  const began = performance.now()
  const child = spawn(process.execPath, [entry, ...args], {
    cwd: options.cwd,
    env: { ...process.env, NO_COLOR: '1', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.user === undefined ? {} : { uid: options.user, gid: options.user }),
  })
  const output = { stdout: '', stderr: '' }
  const listeners = new Set<() => void>()
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text
      for (const listener of listeners) listener()
    })
  }
  const ended = new Promise<CommandLineResult>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => {
      resolve({ exitCode: code ?? 128, ...output, durationMs: performance.now() - began })
    })
  })
  const says = (pattern: RegExp) =>
    new Promise<boolean>((resolve) => {
      const look = () => {
        if (!pattern.test(output.stderr)) return
        listeners.delete(look)
        resolve(true)
      }
      listeners.add(look)
      look()
      void ended.then(() => resolve(pattern.test(output.stderr)))
    })
  return { child, ended, said: () => output.stderr, says }
}

/** Runs the command line to its end. */
export async function runCommandLine(
  args: readonly string[],
  options: CommandLineOptions,
): Promise<CommandLineResult> {
  return await startCommandLine(args, options).ended
}
