import { readdir } from 'node:fs/promises'
import path from 'node:path'
import type { ResolvedWorkload } from '../config/resolved.ts'
import { digestOf } from '../core/digest.ts'
import { TestbedError } from '../core/errors.ts'
import { type Argv, lastLines, mustRunLocal, runLocal } from '../core/process.ts'
import { type CacheOptions, cachedImage, readEntry, readRecord } from './cache.ts'
import type { WorkloadImage } from './image.ts'

const inspectTimeoutMs = 30_000
const fetchTimeoutMs = 15 * 60_000

/**
 * Fetches an image from a registry, unless the cache has what the registry offers under that name now. When the
 * registry does not answer, the one fetched last is used, with a warning.
 * @throws TestbedError when it can be had from neither.
 */
export async function prepareFromReference(
  workload: ResolvedWorkload,
  reference: string,
  images: string,
  options: CacheOptions,
): Promise<WorkloadImage> {
  const offered = await offeredDigest(reference, options.signal)
  if ('failure' in offered) {
    const last = await lastFetched(workload.name, reference, images)
    if (last === undefined) throw fetchError(workload, reference, offered.failure)
    const reason = skopeoReasons(offered.failure.stderr).at(-1) ?? `exit ${offered.failure.exitCode}`
    options.progress({
      kind: 'warning',
      text: `${reference}: no answer from its registry, using the image fetched ${last.fetchedAt} (${reason})`,
    })
    return last.image
  }
  const tag = offered.digest.slice(0, 16)
  const name = `migration-testbed/${workload.name}:${tag}`
  return await cachedImage(
    images,
    `${workload.name}-${tag}`,
    async (_folder, archive, signal) => {
      const argv: Argv = [
        // A fetch ends when this program does, however it ends.
        'setpriv',
        '--pdeathsig',
        'KILL',
        'skopeo',
        'copy',
        ...(isLocal(reference) ? ['--src-tls-verify=false'] : []),
        `docker://${address(reference, offered.digest)}`,
        `docker-archive:${path.basename(archive)}:${name}`,
      ]
      const result = await runLocal(argv, {
        cwd: path.dirname(archive), // skopeo takes a path apart at its colons
        timeoutMs: fetchTimeoutMs,
        signal,
      })
      if (result.exitCode !== 0) throw fetchError(workload, reference, result)
      return { id: await archivedId(archive), name, reference, fetchedAt: new Date().toISOString() }
    },
    options,
  )
}

type Offered = { readonly digest: string } | { readonly failure: { exitCode: number; stderr: string } }

/** The digest of the manifest that the registry has under that name; 64 hex digits. */
async function offeredDigest(reference: string, signal: AbortSignal): Promise<Offered> {
  const named = /@sha256:([0-9a-f]{64})$/.exec(reference)?.[1]
  if (named !== undefined) return { digest: named }
  const insecure = isLocal(reference) ? ['--tls-verify=false'] : []
  const result = await runLocal(['skopeo', 'inspect', '--raw', ...insecure, `docker://${reference}`], {
    timeoutMs: inspectTimeoutMs,
    signal,
  })
  return result.exitCode === 0 ? { digest: digestOf(result.stdout, 64) } : { failure: result }
}

/** What is fetched is what was looked at, even if the tag moves meanwhile. */
export function address(reference: string, digest: string): string {
  const repository = reference.replace(/@sha256:[0-9a-f]{64}$/, '').replace(/:[^/:]+$/, '')
  return `${repository}@sha256:${digest}`
}

/** A registry on this machine is the only one that is spoken to without TLS. */
export function isLocal(reference: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+)(:\d+)?\//.test(reference)
}

async function lastFetched(workload: string, reference: string, images: string) {
  let last: { readonly fetchedAt: string; readonly image: WorkloadImage } | undefined
  for (const entry of await readdir(images).catch((): string[] => [])) {
    if (!entry.startsWith(`${workload}-`)) continue
    const record = await readRecord(images, entry)
    if (record?.reference !== reference || record.fetchedAt === undefined) continue
    const image = await readEntry(images, entry)
    if (image === undefined || (last !== undefined && last.fetchedAt > record.fetchedAt)) continue
    last = { fetchedAt: record.fetchedAt, image }
  }
  return last
}

/** The image ID of a `docker save` archive: the digest of the configuration that it holds. */
async function archivedId(archive: string): Promise<string> {
  const member = async (name: string) =>
    (
      await mustRunLocal(['tar', '--extract', '--to-stdout', `--file=${archive}`, name], {
        what: `read ${name}`,
      })
    ).stdout
  const [manifest] = JSON.parse(await member('manifest.json')) as { readonly Config: string }[]
  if (manifest === undefined) throw new TestbedError('internal', `${archive} holds no image`)
  return `sha256:${digestOf(await member(manifest.Config), 64)}`
}

/** skopeo's last words without its log format: `time="…" level=fatal msg="…"`. */
export function skopeoReasons(stderr: string): string[] {
  return lastLines(stderr, 3).map((line) => {
    const message = /^time=.* msg="(.*)"$/.exec(line)?.[1]
    return message === undefined ? line : message.replaceAll('\\"', '"')
  })
}

function fetchError(
  workload: ResolvedWorkload,
  reference: string,
  { exitCode, stderr }: { readonly exitCode: number; readonly stderr: string },
): TestbedError {
  if (exitCode === 127) {
    return new TestbedError('prerequisite', `${reference} cannot be fetched without skopeo`, {
      where: workload.file,
      hint: 'apt-get install skopeo',
    })
  }
  return new TestbedError('testbed', `${reference} could not be fetched`, {
    where: workload.file,
    why: skopeoReasons(stderr),
    hint: 'is the name right, and its registry within reach? skopeo login REGISTRY for a private one; or make the image of packages',
  })
}
