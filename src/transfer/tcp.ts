import { rejectWhenAborted } from '../core/abort.ts'
import type { Argv, Host } from '../hosts/host.ts'
import { openListener, transferFailed } from './listener.ts'

const scripts = '/usr/local/lib/migration-testbed/provision/transfer'
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
  const { port, process, said, close } = await openListener(destination, (port) => [
    'sh',
    `${scripts}/receive.sh`,
    String(port),
    destination.address,
    source.address,
    ...consume,
  ])
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
        throw transferFailed(source, `the stream to ${destination.name} broke off`, words)
      }
      const exitCode = await process.exit
      if (exitCode !== 0) throw transferFailed(destination, 'what was sent could not be taken', said())
      return { bytes: Number(said().match(/^(\d+) bytes/m)?.[1] ?? Number.NaN) }
    },
    close,
  }
}
