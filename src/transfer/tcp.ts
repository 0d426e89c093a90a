import { randomInt } from 'node:crypto'
import { rejectWhenAborted } from '../core/abort.ts'
import { TestbedError } from '../core/errors.ts'
import { lastLines } from '../core/process.ts'
import type { Argv, Host, Process } from '../hosts/host.ts'

const scripts = '/usr/local/lib/migration-testbed/provision/transfer'
/** Below the ports that the kernel gives to outgoing connections. */
const ports = { first: 20_000, last: 29_999 }
const listenAttempts = 5
const lastWordsMs = 1000

/** A stream's receiving end that listens already: staged before the freeze, so that only bytes cost downtime. */
export interface Receiver {
  /** Sends what `produce` writes on `source`; answers when `consume` has taken the last byte. */
  receiveFrom(source: Host, produce: Argv, signal: AbortSignal): Promise<{ readonly bytes: number }>
  close(): void
}

/**
 * Opens a plain TCP stream between two hosts on the management network: the bytes never pass through this program.
 * `consume` on the destination reads them from its standard input. Only the source's address is let in.
 */
export async function openReceiver(destination: Host, source: Host, consume: Argv): Promise<Receiver> {
  for (let attempt = 1; ; attempt += 1) {
    const port = randomInt(ports.first, ports.last + 1)
    const argv: Argv = [
      'sh',
      `${scripts}/receive.sh`,
      String(port),
      destination.address,
      source.address,
      ...consume,
    ]
    const process = await destination.stream({ argv })
    process.stdout.resume()
    const said = collectErrors(process)
    if (await said.listens) return createReceiver(destination, port, process, said.text)
    if (attempt === listenAttempts || !/in use/.test(said.text()))
      throw broken(destination, 'no listener', said.text())
  }
}

function createReceiver(destination: Host, port: number, process: Process, said: () => string): Receiver {
  return {
    receiveFrom: async (source, produce, signal) => {
      const argv: Argv = ['sh', `${scripts}/send.sh`, destination.address, String(port), ...produce]
      const sent = await source.run({ argv }, { signal, timeoutMs: 15 * 60_000 })
      if (sent.exitCode !== 0) {
        // When the receiving end gave up, it knows why: its last words come when it has ended.
        const lastWords = AbortSignal.any([signal, AbortSignal.timeout(lastWordsMs)])
        await Promise.race([process.exit, rejectWhenAborted(lastWords)]).catch(() => undefined)
        process.kill()
        const words = `${sent.stderr}\n${said()}`
        throw broken(source, `${produce[0]} could not be sent to ${destination.name}`, words)
      }
      const exitCode = await process.exit
      if (exitCode !== 0) throw broken(destination, 'what was sent could not be taken', said())
      return { bytes: Number(said().match(/^(\d+) bytes/m)?.[1] ?? Number.NaN) }
    },
    close: () => process.kill(),
  }
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

function broken(host: Host, message: string, said: string): TestbedError {
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
