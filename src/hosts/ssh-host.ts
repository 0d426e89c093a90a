import type { ReadStream, WriteStream } from 'node:tty'
import type { Client, SFTPWrapper } from 'ssh2'
import { TestbedError } from '../core/errors.ts'
import { millisecondsBetween, systemClock } from '../core/time.ts'
import type { HostAddress } from './address.ts'
import { connect } from './connection.ts'
import type { Facts } from './facts.ts'
import type { Command, CommandResult, Host, Process, RunOptions } from './host.ts'
import { createLimiter } from './limit.ts'
import { patienceWith } from './patience.ts'
import { startProcess } from './remote-process.ts'
import { openShell } from './shell.ts'
import { getAsRoot, putAsRoot, startAsRoot } from './sudo.ts'

const defaultTimeoutMs = 60_000
/** sshd allows ten sessions a connection by default; two are left for file transfers. */
const channelsAtOnce = 8

/** A host over one SSH connection. `withFacts` gives the same connection the facts that were read over it. */
export interface SshHost extends Host {
  /** An interactive shell on a terminal of this machine; answers with its exit code. */
  shell(input: ReadStream, output: WriteStream): Promise<number>
  withFacts(facts: Facts): SshHost
}

/** Facts of a host that has not been asked yet. */
const noFacts: Facts = {
  kernel: '',
  distribution: '',
  architecture: '',
  cpus: 0,
  memoryBytes: 0,
  cgroup: 'v1',
  init: 'other',
  versions: {},
  criuFeatures: {},
  queueDisciplines: [],
  limitsOfOthers: false,
  volumeBackEnds: [],
  clockSource: '',
}

/** Connects to a host; `timeoutMs` bounds the handshake. @throws TestbedError when it cannot be reached. */
export async function connectHost(
  address: HostAddress,
  signal?: AbortSignal,
  timeoutMs?: number,
): Promise<SshHost> {
  const client = await connect(address, signal, timeoutMs)
  return createHost(address, client, noFacts, createLimiter(channelsAtOnce))
}

function createHost(
  address: HostAddress,
  client: Client,
  facts: Facts,
  limit: ReturnType<typeof createLimiter>,
): SshHost {
  const { name } = address
  // The one place that knows who we are on the host: everything else asks for root, and gets it.
  const sudo = address.sudo === true
  const start = (command: Command) => (sudo ? startAsRoot : startProcess)(client, name, command)
  return {
    name,
    address: address.mgmtAddress,
    facts,
    run: (command, options = {}) =>
      limit(async () => {
        options.signal?.throwIfAborted()
        return await collect(name, command, await start(command), {
          ...options,
          timeoutMs: (options.timeoutMs ?? defaultTimeoutMs) * patienceWith(facts),
        })
      }),
    stream: start,
    put: (local, remote) =>
      limit(() =>
        sudo
          ? putAsRoot(client, name, local, remote)
          : transferFile(client, name, (sftp, done) => sftp.fastPut(local, remote, done)),
      ),
    get: (remote, local) =>
      limit(() =>
        sudo
          ? getAsRoot(client, name, remote, local)
          : transferFile(client, name, (sftp, done) => sftp.fastGet(remote, local, done)),
      ),
    shell: (input, output) => openShell(client, name, input, output),
    close: () => {
      client.end()
    },
    withFacts: (known) => createHost(address, client, known, limit),
  }
}

async function collect(
  host: string,
  command: Command,
  process: Process,
  options: RunOptions & { readonly timeoutMs: number },
): Promise<CommandResult> {
  const started = systemClock.monotonicNs()
  const { timeoutMs } = options
  const deadline = AbortSignal.timeout(timeoutMs)
  const stop = options.signal === undefined ? deadline : AbortSignal.any([deadline, options.signal])
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const)
    followOutput(
      process[name],
      (text) => {
        output[name] += text
      },
      options.onLine,
    )
  process.stdin.on('error', () => {}) // a command may end without reading its input: its exit code tells
  process.stdin.end(options.input)
  const stopped = Promise.withResolvers<never>()
  const onStop = () => {
    process.kill()
    stopped.reject(
      options.signal?.aborted === true
        ? options.signal.reason
        : new TestbedError('testbed', `no end after ${timeoutMs / 1000} s: ${command.argv.join(' ')}`, {
            where: host,
            why: output.stderr.trim().split('\n').slice(-4),
            hint: 'the process was killed; the host may be overloaded',
          }),
    )
  }
  stop.addEventListener('abort', onStop, { once: true })
  try {
    const exitCode = await Promise.race([process.exit, stopped.promise])
    return { exitCode, ...output, durationMs: millisecondsBetween(started, systemClock.monotonicNs()) }
  } finally {
    stop.removeEventListener('abort', onStop)
  }
}

/** Hands on text as it comes, and whole lines to `onLine`. */
function followOutput(
  stream: Process['stdout'],
  onText: (text: string) => void,
  onLine?: (line: string) => void,
): void {
  let rest = ''
  stream.setEncoding('utf8')
  stream.on('data', (text: string) => {
    onText(text)
    if (onLine === undefined) return
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) onLine(line)
  })
  stream.on('end', () => {
    if (onLine !== undefined && rest !== '') onLine(rest)
  })
}

async function transferFile(
  client: Client,
  host: string,
  transfer: (sftp: SFTPWrapper, done: (error?: Error | null) => void) => void,
): Promise<void> {
  const sftp = await new Promise<SFTPWrapper>((resolve, reject) => {
    client.sftp((error, wrapper) => (error === undefined ? resolve(wrapper) : reject(error)))
  })
  try {
    await new Promise<void>((resolve, reject) => {
      transfer(sftp, (error) => {
        if (error === undefined || error === null) resolve()
        else
          reject(
            new TestbedError('testbed', 'a file could not be transferred', {
              where: host,
              why: [error.message],
              hint: 'is the path right, and the disk not full?',
              cause: error,
            }),
          )
      })
    })
  } finally {
    sftp.end()
  }
}
