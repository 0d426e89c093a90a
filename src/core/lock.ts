import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import lockfile from 'proper-lockfile'
import { isAlive, startTime } from './alive.ts'
import { TestbedError } from './errors.ts'
import { poll } from './retry.ts'
import { systemClock } from './time.ts'

interface Owner {
  readonly pid: number
  readonly startedAt: string
}

const namelessMs = 3_000

export interface LockOptions {
  /** What is locked, in words: `testbed default`. */
  readonly what: string
  readonly hint: string
  /** How long to wait for another program; 0 fails at once. */
  readonly waitMs?: number
  readonly signal?: AbortSignal
}

/**
 * Takes the lock at `path` (a folder beside an owner file). The lock of a program that was killed is taken over at once.
 * @returns the function that lets it go
 * @throws TestbedError `busy` naming the process that holds it
 */
export async function takeLock(path: string, options: LockOptions): Promise<() => Promise<void>> {
  const ownerFile = `${path}.owner`
  const self: Owner = { pid: process.pid, startedAt: await startTime(process.pid) }
  const attempt = async () => {
    try {
      const release = await lockfile.lock(path, {
        lockfilePath: path,
        realpath: false,
        stale: 20_000,
        update: 5_000,
      })
      await writeFile(ownerFile, JSON.stringify(self))
      return async () => {
        await rm(ownerFile, { force: true })
        await release().catch(ignoreReleased)
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ELOCKED') throw error
      const owner = await readOwner(ownerFile)
      const abandoned =
        owner === undefined ? await isNameless(path) : !(await isAlive(owner.pid, owner.startedAt))
      if (abandoned) {
        await rm(ownerFile, { force: true })
        await rm(path, { recursive: true, force: true })
      }
      return undefined
    }
  }
  const taken = (await attempt()) ?? (await attempt())
  if (taken !== undefined) return taken
  const busy = async () => {
    const owner = await readOwner(ownerFile)
    return new TestbedError(
      'busy',
      `${options.what} is in use${owner === undefined ? '' : ` by process ${owner.pid}`}`,
      {
        hint: options.hint,
      },
    )
  }
  const { waitMs = 0, signal } = options
  if (waitMs === 0) throw await busy()
  const poller = { what: options.what, timeoutMs: waitMs, intervalMs: 200, clock: systemClock }
  return await poll(attempt, signal === undefined ? poller : { ...poller, signal }).catch(
    async (error: unknown) => {
      throw signal?.aborted === true ? error : await busy()
    },
  )
}

/** Whoever takes a lock writes its name down at once: it was killed before it could. */
async function isNameless(path: string): Promise<boolean> {
  return await stat(path).then(
    ({ mtimeMs }) => Date.now() - mtimeMs > namelessMs,
    () => false,
  )
}

async function readOwner(file: string): Promise<Owner | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Owner
  } catch {
    return undefined // not written yet, or half written
  }
}

function ignoreReleased(error: unknown): void {
  const code = (error as NodeJS.ErrnoException).code
  if (code !== 'ENOTACQUIRED' && code !== 'ERELEASED' && code !== 'ENOENT') throw error
}
