import { randomBytes } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import type { Client } from 'ssh2'
import { TestbedError } from '../core/errors.ts'
import { lastLines } from '../core/process.ts'
import type { Command, Process } from './host.ts'
import { quoteCommand } from './quote.ts'
import { startProcess } from './remote-process.ts'

/** Inherited by all that a command starts: by it they are found again. */
const markName = 'MIGRATION_TESTBED_COMMAND'

/**
 * As `startProcess`, as root through `sudo -n`. sshd may not signal what belongs to root (it kills as the user), so `kill`
 * looks for the command's mark and kills whatever carries it.
 */
export async function startAsRoot(client: Client, host: string, command: Command): Promise<Process> {
  const mark = `${markName}=${randomBytes(12).toString('hex')}`
  const process = await startProcess(client, host, elevated(command, mark))
  return {
    ...process,
    kill: () => {
      const script = 'grep -lzsF "$1" /proc/[0-9]*/environ | cut -d/ -f3 | xargs -r kill -KILL'
      const killer = ['sudo', '-n', '--', 'sh', '-c', script, 'sh', mark]
      // Nobody waits for it: a command that cannot be killed any more has lost its connection too.
      try {
        client.exec(quoteCommand(killer), (error, channel) => {
          channel?.resume()
          channel?.stderr.resume()
          if (error === undefined) channel.on('close', () => process.kill())
          else process.kill()
        })
      } catch {
        process.kill()
      }
    },
  }
}

/** sudo clears the environment: what the command gets is set behind it. */
export function elevated({ argv, env }: Command, mark: string): Command {
  const assignments = Object.entries(env ?? {}).map(([name, value]) => `${name}=${value}`)
  return { argv: ['sudo', '-n', '--', 'env', mark, ...assignments, ...argv] }
}

/** Writes a file as root; SFTP would be the user's. */
export async function putAsRoot(client: Client, host: string, local: string, remote: string): Promise<void> {
  await copy(client, host, ['sh', '-c', 'cat >"$1"', 'sh', remote], async (process) => {
    process.stdout.resume()
    await pipeline(createReadStream(local), process.stdin)
  })
}

export async function getAsRoot(client: Client, host: string, remote: string, local: string): Promise<void> {
  await copy(client, host, ['cat', '--', remote], async (process) => {
    process.stdin.end()
    await pipeline(process.stdout, createWriteStream(local))
  })
}

async function copy(
  client: Client,
  host: string,
  argv: Command['argv'],
  move: (process: Process) => Promise<void>,
): Promise<void> {
  let said = ''
  try {
    const process = await startAsRoot(client, host, { argv })
    process.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
    await move(process)
    const exitCode = await process.exit
    if (exitCode !== 0) throw new Error(`exit ${exitCode}`)
  } catch (error) {
    throw new TestbedError('testbed', 'a file could not be transferred', {
      where: host,
      why: lastLines(said),
      hint: 'is the path right, and the disk not full?',
      cause: error,
    })
  }
}
