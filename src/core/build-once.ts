import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { exists } from './exists.ts'
import { takeLock } from './lock.ts'

/**
 * Makes a folder of the cache exactly once: `make` fills a temporary folder beside it, which takes the final name only when
 * `make` has succeeded. Whatever a crash leaves has another name and is removed by the next build.
 */
export async function buildOnce(
  final: string,
  signal: AbortSignal,
  make: (temporary: string) => Promise<void>,
): Promise<void> {
  const parent = dirname(final)
  await mkdir(parent, { recursive: true })
  const release = await takeLock(`${final}.lock`, {
    what: `the build of ${final}`,
    hint: 'wait for it to end, then try again',
    waitMs: 30 * 60_000,
    signal,
  })
  try {
    if (await exists(final)) return
    await removeLeftovers(final)
    const temporary = `${final}.tmp-${process.pid}`
    try {
      await mkdir(temporary)
      await make(temporary)
      await rename(temporary, final)
    } finally {
      await rm(temporary, { recursive: true, force: true })
    }
  } finally {
    await release()
  }
}

/** Removes what builds that were cut off have left of `final`; called while its lock is held. */
async function removeLeftovers(final: string): Promise<void> {
  for (const name of await readdir(dirname(final))) {
    const path = join(dirname(final), name)
    if (path.startsWith(`${final}.tmp-`)) await rm(path, { recursive: true, force: true })
  }
}
