import type { Readable, Writable } from 'node:stream'
import type { HostName } from '../config/resolved.ts'
import type { Argv } from '../core/process.ts'
import type { Facts } from './facts.ts'

export type { Argv }

/** What is run on a host: argv, quoted once, where it is sent. */
export interface Command {
  readonly argv: Argv
  readonly env?: Readonly<Record<string, string>>
}

export interface RunOptions {
  readonly input?: string | Uint8Array
  /** Default 60 s; both times five on a host that is emulated. The process is killed on the host when it is over. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
  /** Called with every line of stdout and stderr, as it comes. */
  readonly onLine?: (line: string) => void
}

export interface CommandResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
  readonly durationMs: number
}

/** A process on a host with its streams open. */
export interface Process {
  readonly stdin: Writable
  readonly stdout: Readable
  readonly stderr: Readable
  /** Resolves with the exit code (128 when killed); rejects when the connection is lost. */
  readonly exit: Promise<number>
  kill(): void
}

/** A machine that we reach over SSH: a VM, a namespace host, or one that already exists. */
export interface Host {
  readonly name: HostName
  /** Its address on `mgmt`, as other hosts reach it. */
  readonly address: string
  readonly facts: Facts
  /** Answers whatever the exit code. @throws TestbedError when the deadline passes or the connection is lost. */
  run(command: Command, options?: RunOptions): Promise<CommandResult>
  stream(command: Command): Promise<Process>
  put(local: string, remote: string): Promise<void>
  get(remote: string, local: string): Promise<void>
  close(): void
}
