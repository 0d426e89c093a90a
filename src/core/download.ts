import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { copyFile, mkdir, open, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { messageOf, TestbedError } from './errors.ts'
import { exists } from './exists.ts'
import type { Clock } from './time.ts'

export interface Download {
  /** In words that follow `the`: `image`. */
  readonly what: string
  /** Where else it could come from. */
  readonly otherwise: string
  /** What says which digest is expected: `image.yaml`. */
  readonly pinnedIn: string
  /** http://, https:// or file:// */
  readonly url: string
  /** 64 hexadecimal digits. */
  readonly sha256: string
  /** Where the file is collected; what an earlier download has left there is taken up again. */
  readonly part: string
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Bytes so far, and of the whole where the server tells. */
  readonly onProgress?: (bytes: number, total: number | undefined) => void
  /** Without a single byte for so long the connection is given up. */
  readonly stallTimeoutMs?: number
  /** Between attempts. */
  readonly pauseMs?: number
}

const maximumFruitless = 4

/**
 * Downloads a file to `part` and checks it. A transfer that breaks off or stalls is resumed where it was, also by a later
 * call; one that does not match its digest, or finds the disk full, leaves nothing.
 * @throws TestbedError; the signal's reason when aborted
 */
export async function download(options: Download): Promise<void> {
  await mkdir(dirname(options.part), { recursive: true })
  try {
    if (options.url.startsWith('file:')) await copyFile(fileURLToPath(options.url), options.part)
    else await fetchAll(options)
  } catch (error) {
    throw await explained(error, options)
  }
  const found = await sha256Of(options.part)
  if (found === options.sha256) return
  await rm(options.part, { force: true })
  throw new TestbedError('testbed', `the downloaded ${options.what} is not the one that was expected`, {
    where: options.url,
    why: [`SHA-256 expected ${options.sha256}`, `SHA-256 found    ${found}`],
    hint: `nothing was kept; try again, and if it stays so, compare ${options.pinnedIn} with what the vendor publishes (SHA256SUMS)`,
  })
}

/** Whether something is there at `url`, asked for at most `timeoutMs`. */
export async function answers(url: string, timeoutMs: number): Promise<boolean> {
  if (url.startsWith('file:')) return await exists(fileURLToPath(url))
  const signal = AbortSignal.timeout(timeoutMs)
  return await fetch(url, { method: 'HEAD', signal }).then(
    (response) => response.ok,
    () => false,
  )
}

async function fetchAll(options: Download): Promise<void> {
  for (let fruitless = 0; ; ) {
    const before = await sizeOf(options.part)
    try {
      await fetchRest(options, before)
      return
    } catch (error) {
      options.signal.throwIfAborted()
      if (error instanceof TestbedError || isFull(error)) throw error
      fruitless = (await sizeOf(options.part)) > before ? 0 : fruitless + 1
      if (fruitless >= maximumFruitless) throw error
      await options.clock.sleep(options.pauseMs ?? 2_000, options.signal)
    }
  }
}

/** Asks for what follows the first `offset` bytes and appends it. */
async function fetchRest(options: Download, offset: number): Promise<void> {
  const stalled = new AbortController()
  const stallTimeoutMs = options.stallTimeoutMs ?? 30_000
  const giveUp = () => stalled.abort(new Error(`no data for ${stallTimeoutMs / 1000} s`))
  let timer = setTimeout(giveUp, stallTimeoutMs)
  try {
    const response = await fetch(options.url, {
      signal: AbortSignal.any([options.signal, stalled.signal]),
      headers: { 'accept-encoding': 'identity', ...(offset > 0 ? { range: `bytes=${offset}-` } : {}) },
    })
    if (response.status === 416) {
      // Either all of it is here already, or what is here is longer than the file: its digest tells.
      await response.body?.cancel()
      return
    }
    if (!response.ok || response.body === null) throw refused(options, response)
    const from = response.status === 206 ? offset : 0
    const length = Number(response.headers.get('content-length') ?? Number.NaN)
    const total = Number.isNaN(length) ? undefined : from + length
    const file = await open(options.part, from > 0 ? 'a' : 'w')
    let bytes = from
    try {
      for await (const chunk of response.body) {
        clearTimeout(timer)
        timer = setTimeout(giveUp, stallTimeoutMs)
        await file.write(chunk)
        bytes += chunk.length
        options.onProgress?.(bytes, total)
      }
    } finally {
      await file.close()
    }
    if (total !== undefined && bytes < total)
      throw new Error(`the connection ended after ${bytes} of ${total} bytes`)
  } finally {
    clearTimeout(timer)
  }
}

function refused({ url, what, otherwise }: Download, response: Response): Error {
  const message = `the server answered ${response.status} ${response.statusText}`.trim()
  // These pass by themselves.
  if (response.status >= 500 || response.status === 429) return new Error(message)
  return new TestbedError('testbed', `the ${what} cannot be downloaded`, {
    where: url,
    why: [message],
    hint: otherwise,
  })
}

async function explained(error: unknown, options: Download): Promise<unknown> {
  if (options.signal.aborted) return options.signal.reason
  if (error instanceof TestbedError) return error
  const why = [
    messageOf(error),
    ...(error instanceof Error && error.cause !== undefined ? [messageOf(error.cause)] : []),
  ]
  if (isFull(error)) {
    await rm(options.part, { force: true })
    return new TestbedError('testbed', `the disk is full: the ${options.what} was not kept`, {
      where: dirname(options.part),
      why,
      hint: 'make room, or set XDG_CACHE_HOME to a larger disk',
      cause: error,
    })
  }
  return new TestbedError('testbed', `the ${options.what} cannot be downloaded`, {
    where: options.url,
    why,
    hint: `what came so far is kept: the next attempt goes on from there. ${options.otherwise}`,
    cause: error,
  })
}

function isFull(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOSPC' || code === 'EDQUOT'
}

async function sizeOf(file: string): Promise<number> {
  return await stat(file).then(
    ({ size }) => size,
    () => 0,
  )
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}
