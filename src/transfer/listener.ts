import { randomInt } from 'node:crypto'
import { TestbedError } from '../core/errors.ts'
import { lastLines } from '../core/process.ts'
import type { Argv, Host, Process } from '../hosts/host.ts'

/** Below the ports that the kernel gives to outgoing connections. */
const ports = { first: 20_000, last: 29_999 }
const listenAttempts = 5

/** A process on a host that waits for a connection of another host. */
export interface Listener {
  readonly port: number
  readonly process: Process
  /** All of its standard error so far. */
  said(): string
  close(): void
}

/**
 * Starts what `listen` gives for a port, and waits until it says that it is `listening on` it; a port that is taken is no failure.
 * @throws TestbedError (trial) with what it said
 */
export async function openListener(host: Host, listen: (port: number) => Argv): Promise<Listener> {
  for (let attempt = 1; ; attempt += 1) {
    const port = randomInt(ports.first, ports.last + 1)
    const process = await host.stream({ argv: listen(port) })
    process.stdout.resume()
    const { listens, text } = collectErrors(process)
    if (await listens) return { port, process, said: text, close: () => process.kill() }
    if (attempt === listenAttempts || !/in use/.test(text())) {
      throw transferFailed(host, 'no listener', text())
    }
  }
}

/** An error with the last of what programs said, but for what socat tells when all is well. */
export function transferFailed(host: Host, message: string, said: string): TestbedError {
  const why = lastLines(
    said
      .replace(/^.*(notice|info) .*$/gim, '')
      .replace(/^.* \bN\b .*$/gm, '')
      .replace(/^\s*\n/gm, ''),
  )
  return new TestbedError('trial', `transfer: ${message}`, {
    where: host.name,
    why,
    hint: 'is the disk full, or the link between the hosts down?',
  })
}

function collectErrors(process: Process): { listens: Promise<boolean>; text: () => string } {
  let text = ''
  const listens = new Promise<boolean>((resolve) => {
    process.stderr.setEncoding('utf8')
    process.stderr.on('data', (chunk: string) => {
      text += chunk
      if (/listening on/.test(text)) resolve(true)
    })
    process.exit.then(
      () => resolve(false),
      () => resolve(false),
    )
  })
  return { listens, text: () => text }
}
