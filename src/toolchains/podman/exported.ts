import { runChecked } from '../../hosts/checked.ts'
import type { Argv } from '../../hosts/host.ts'
import { openReceiver } from '../../transfer/tcp.ts'
import type { TrialContext } from '../toolchain.ts'
import { containerOf, exportFolder, podman } from './podman.ts'

const drainTimeoutMs = 120_000

/** A checkpoint's way to the destination: a pipe that podman exports into, and a stream from there that is open already. */
export interface ExportChannel {
  /** The archive on the destination, whole once `sent` has answered. */
  readonly archive: string
  /** Lets podman on the source export into the stream. Answers when it has written everything. */
  checkpoint(options: readonly string[]): Promise<void>
  /** Answers when the destination has the last byte. */
  readonly sent: Promise<{ readonly bytes: number }>
  close(): void
}

/**
 * Opens one; nothing of it waits for the frozen workload. The destination keeps a file: podman's import reads the archive
 * several times.
 */
export async function openExport(context: TrialContext, name: string): Promise<ExportChannel> {
  const { source, destination, signal } = context
  const folder = exportFolder(context)
  const [pipe, archive] = [`${folder}/${name}.pipe`, `${folder}/${name}.tar`]
  const options = { what: 'folder for the checkpoint', kind: 'trial', signal } as const
  const make: Argv = ['sh', '-c', 'mkdir -p "$1" && rm -f "$2" && mkfifo "$2"', 'sh', folder, pipe]
  await Promise.all([
    runChecked(source, make, options),
    runChecked(destination, ['mkdir', '-p', folder], options),
  ])
  const receiver = await openReceiver(destination, source, ['dd', `of=${archive}`, 'bs=1M', 'status=none'])
  // A dump that fails never opens the pipe: whoever reads it would wait for ever.
  const closing = new AbortController()
  const until = AbortSignal.any([signal, closing.signal])
  const sent = receiver.receiveFrom(source, ['cat', pipe], until)
  // podman holds both ends of the pipe open: without a reader it would write for ever. Let it finish; whoever waits for
  // `sent` gets the error.
  const drain: Argv = ['dd', `if=${pipe}`, 'of=/dev/null', 'bs=1M', 'status=none']
  sent.catch(() => source.run({ argv: drain }, { signal: until, timeoutMs: drainTimeoutMs })).catch(() => {})
  return {
    archive,
    sent,
    checkpoint: async (more) => {
      await podman(context, source, [
        ...['container', 'checkpoint', '--export', pipe, '--compress', 'none', '--tcp-established'],
        ...more,
        containerOf(context),
      ])
    },
    close: () => {
      closing.abort()
      receiver.close()
    },
  }
}
