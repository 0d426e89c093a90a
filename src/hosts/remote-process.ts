import type { Client, ClientChannel } from 'ssh2'
import { messageOf, TestbedError } from '../core/errors.ts'
import type { Command, Process } from './host.ts'
import { quoteCommand } from './quote.ts'

const openTimeoutMs = 15_000

/**
 * Starts a command on a channel of its own.
 * @throws TestbedError when the connection is gone, or opens no channel within 15 s
 */
export async function startProcess(client: Client, host: string, command: Command): Promise<Process> {
  const opened = Promise.withResolvers<Process>()
  const lost = (error: unknown) =>
    opened.reject(
      new TestbedError('testbed', 'the SSH connection is lost', {
        where: host,
        why: [messageOf(error)],
        hint: 'testbed status tells whether the host is up',
        cause: error,
      }),
    )
  const timer = setTimeout(
    () => lost(new Error(`no channel within ${openTimeoutMs / 1000} s`)),
    openTimeoutMs,
  )
  try {
    client.exec(quoteCommand(command.argv, command.env), (error, channel) => {
      // Listened to here and now: the exit code of a quick command comes in the same packet as the channel.
      if (error === undefined) opened.resolve(toProcess(host, channel))
      else lost(error)
    })
  } catch (error) {
    lost(error)
  }
  return await opened.promise.finally(() => clearTimeout(timer))
}

function toProcess(host: string, channel: ClientChannel): Process {
  const exit = new Promise<number>((resolve, reject) => {
    let code: number | undefined
    channel.on('exit', (exitCode: number | null) => {
      code = exitCode ?? 128
    })
    // `close` comes only after stdout and stderr were drained: whoever streams must read both.
    channel.on('close', () => {
      if (code !== undefined) resolve(code)
      else
        reject(
          new TestbedError('testbed', 'the SSH connection broke while a command ran', {
            where: host,
            hint: 'testbed status tells whether the host is up',
          }),
        )
    })
  })
  exit.catch(() => {}) // whoever waits for it gets the error; nobody has to
  return {
    stdin: channel,
    stdout: channel,
    stderr: channel.stderr,
    exit,
    kill: () => {
      sendKill(channel)
      channel.close()
    },
  }
}

/** What ssh2 keeps in a channel; its own `signal` does nothing once the input has ended. */
interface ChannelParts {
  readonly outgoing: { readonly id: number; readonly state: string }
  readonly _client: { readonly _protocol: { signal(id: number, name: string): void } }
}

/** Kills the command's process group on the host, which the protocol allows after the end of its input too (RFC 4254, 5.3). */
function sendKill(channel: ClientChannel): void {
  const { outgoing, _client } = channel as unknown as ChannelParts
  if (outgoing.state === 'open' || outgoing.state === 'eof') _client._protocol.signal(outgoing.id, 'KILL')
}
