import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { isAlive } from '../core/alive.ts'
import { takeLock } from '../core/lock.ts'
import type { Progress } from '../core/progress.ts'
import type { WorkloadImage } from './image.ts'

/** What is known of a finished image; stored beside its archive as `image.json`. */
export interface ImageRecord {
  readonly id: string
  readonly name: string
  readonly bytes: number
  /** Of an image that was fetched: what workload.yaml calls it, and when it came. */
  readonly reference?: string
  readonly fetchedAt?: string
}

export interface CacheOptions {
  readonly progress: Progress
  readonly signal: AbortSignal
}

const archiveFile = 'image.tar'
const recordFile = 'image.json'
const buildPrefix = '.building-'
/** Longer than any build may take. */
const waitForOtherMs = 20 * 60_000

/** Folder of the images under the cache folder: one folder an image, and beside them those being built. */
export function imagesFolder(cacheFolder: string): string {
  return path.join(cacheFolder, 'workloads')
}

/** The image of that entry, or undefined when there is none that is whole. */
export async function readEntry(images: string, entry: string): Promise<WorkloadImage | undefined> {
  const record = await readRecord(images, entry)
  if (record === undefined) return undefined
  const archive = path.join(images, entry, archiveFile)
  const bytes = await stat(archive).then(
    ({ size }) => size,
    () => undefined,
  )
  // A machine that lost its power may have kept the folder's name and not the archive's last blocks.
  if (bytes !== record.bytes) return undefined
  return { id: record.id, name: record.name, archive, bytes }
}

export async function readRecord(images: string, entry: string): Promise<ImageRecord | undefined> {
  try {
    return JSON.parse(await readFile(path.join(images, entry, recordFile), 'utf8')) as ImageRecord
  } catch {
    return undefined
  }
}

/**
 * The image of that entry, built if there is none yet. `build` gets an empty folder, leaves the archive in it at the
 * path given, and may leave anything else there. Only a finished build takes the entry's name, and of several programs
 * that want the same entry one builds while the others wait.
 */
export async function cachedImage(
  images: string,
  entry: string,
  build: (folder: string, archive: string, signal: AbortSignal) => Promise<Omit<ImageRecord, 'bytes'>>,
  options: CacheOptions,
): Promise<WorkloadImage> {
  await mkdir(images, { recursive: true })
  const finished = await readEntry(images, entry)
  if (finished !== undefined) return finished
  const release = await takeLock(path.join(images, `${entry}.lock`), {
    what: `the image ${entry}`,
    hint: 'another program builds it: wait until it has ended',
    waitMs: waitForOtherMs,
    signal: options.signal,
  })
  try {
    // Another program may have finished it while we waited for the lock.
    return (await readEntry(images, entry)) ?? (await buildEntry(images, entry, build, options.signal))
  } finally {
    await release()
  }
}

async function buildEntry(
  images: string,
  entry: string,
  build: Parameters<typeof cachedImage>[2],
  signal: AbortSignal,
): Promise<WorkloadImage> {
  await removeInterruptedBuilds(images, entry)
  const folder = path.join(images, `${buildPrefix}${process.pid}-${entry}`)
  const result = path.join(folder, 'result')
  const work = path.join(folder, 'work')
  try {
    await mkdir(result, { recursive: true })
    await mkdir(work)
    const archive = path.join(result, archiveFile)
    const built = await build(work, archive, signal)
    signal.throwIfAborted()
    const { size: bytes } = await stat(archive)
    const record: ImageRecord = { ...built, bytes }
    await writeFile(path.join(result, recordFile), `${JSON.stringify(record, null, 2)}\n`)
    const place = path.join(images, entry)
    await rm(place, { recursive: true, force: true })
    await rename(result, place)
    return { id: record.id, name: record.name, archive: path.join(place, archiveFile), bytes }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Whoever holds the lock of an entry is the only one to build it: what lies there of that entry, or of a dead process, is left over. */
async function removeInterruptedBuilds(images: string, entry: string): Promise<void> {
  for (const name of await readdir(images)) {
    const match = /^\.building-(\d+)-(.+)$/.exec(name)
    if (match === null) continue
    if (match[2] === entry || !(await isAlive(Number(match[1])))) {
      await rm(path.join(images, name), { recursive: true, force: true })
    }
  }
}
