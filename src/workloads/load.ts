import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { TestbedError } from '../core/errors.ts'
import { lastLines } from '../core/process.ts'
import type { Argv, Host } from '../hosts/host.ts'
import { collectOutput } from '../hosts/output.ts'
import { patienceWith } from '../hosts/patience.ts'
import type { WorkloadImage } from './image.ts'

const loadTimeoutMs = 10 * 60_000
const lastWordsMs = 1000

/** Gives a host's Docker the image, unless it has it. Answers whether it had to be sent. @throws as `loadImageInto` */
export async function loadImage(
  host: Host,
  image: WorkloadImage,
  options: { readonly signal?: AbortSignal } = {},
): Promise<boolean> {
  return await loadImageInto(host, image, ['docker'], options.signal)
}

/**
 * Gives an engine on a host the image, unless it has it. `engine` is what comes before the subcommands, which are those of
 * Docker. Answers whether it had to be sent.
 * @throws TestbedError when the engine refuses it, or has it under another ID afterwards.
 */
export async function loadImageInto(
  host: Host,
  image: WorkloadImage,
  engine: Argv,
  signal?: AbortSignal,
): Promise<boolean> {
  if ((await imageId(host, engine, image.id, signal)) === image.id) return false
  await sendArchive(host, [...engine, 'load', '--quiet'], image, signal)
  const id = await imageId(host, engine, image.name, signal)
  if (id !== image.id) {
    throw new TestbedError('testbed', `${image.name} has another ID than it was made with`, {
      where: host.name,
      why: [`made as ${image.id}`, `loaded as ${id ?? 'nothing'}`],
      hint: "Docker's containerd image store counts IDs otherwise: set features.containerd-snapshotter to false in /etc/docker/daemon.json",
    })
  }
  return true
}

async function imageId(
  host: Host,
  engine: Argv,
  image: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const argv: Argv = [...engine, 'image', 'inspect', '--format', '{{.Id}}', image]
  const result = await host.run({ argv }, signal === undefined ? {} : { signal })
  if (result.exitCode !== 0) return undefined
  const id = result.stdout.trim()
  return id.startsWith('sha256:') ? id : `sha256:${id}` // podman leaves it out
}

/** Sends the image's archive to the standard input of a command. @throws TestbedError with its last words when it refuses it */
export async function sendArchive(
  host: Host,
  take: Argv,
  image: WorkloadImage,
  signal?: AbortSignal,
): Promise<void> {
  const deadline = AbortSignal.timeout(loadTimeoutMs * patienceWith(host.facts))
  const stop = signal === undefined ? deadline : AbortSignal.any([signal, deadline])
  stop.throwIfAborted()
  const load = await host.stream({ argv: take })
  const onStop = () => load.kill()
  stop.addEventListener('abort', onStop, { once: true })
  const said = collectOutput(load)
  try {
    const archive = createReadStream(image.archive, { highWaterMark: 1 << 20 })
    const sending = pipeline(archive, load.stdin, { signal: stop }).catch((error: unknown) => {
      // The engine may refuse the archive before it has read it all: its own words then say more than a broken pipe. If it
      // does not end, it is waiting for the rest of an archive that could not be read here.
      setTimeout(() => load.kill(), lastWordsMs).unref()
      throw error
    })
    const [sent, ended] = await Promise.allSettled([sending, load.exit])
    signal?.throwIfAborted()
    const exitCode = ended.status === 'fulfilled' ? ended.value : undefined
    if (sent.status === 'fulfilled' && exitCode === 0) return
    const cause =
      sent.status === 'rejected' ? sent.reason : ended.status === 'rejected' ? ended.reason : undefined
    throw new TestbedError(
      'testbed',
      `${take.slice(0, 2).join(' ')} of ${image.name} failed ${exitCode === undefined ? '' : `(exit ${exitCode})`}`.trim(),
      {
        where: host.name,
        why: lastLines(said() === '' ? String(cause) : said()),
        hint: `is the disk of ${host.name} full? delete ${image.archive} if it is damaged`,
        cause,
      },
    )
  } finally {
    stop.removeEventListener('abort', onStop)
  }
}
