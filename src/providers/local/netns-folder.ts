import { readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises'
import { exists } from '../../core/exists.ts'
import { runLocal } from '../../core/process.ts'

/** Where iproute2 keeps the names of network namespaces: it mounts the folder on itself for the first, and never undoes it. */
const folder = '/run/netns'
/** Says that the mount came with a testbed; goes with the mount, at the latest when the machine is started again. */
const label = '/run/migration-testbed-netns'

/** Called before a namespace gets a name: writes down whether it is the first of this machine. */
export async function labelNetnsFolder(): Promise<void> {
  if (!(await isMounted())) await writeFile(label, '')
}

/** Undoes the mount that came with the first testbed, when the last has gone and nobody else names a namespace. */
export async function restoreNetnsFolder(): Promise<void> {
  if (!(await exists(label)) || (await readdir(folder).catch(() => [])).length > 0) return
  await runLocal(['umount', folder], { timeoutMs: 10_000 })
  if (await isMounted()) return // another program names a namespace at this moment
  await rmdir(folder).catch(() => undefined)
  await rm(label, { force: true })
}

async function isMounted(): Promise<boolean> {
  const mounts = await readFile('/proc/self/mountinfo', 'utf8')
  return mounts.split('\n').some((line) => line.split(' ')[4] === folder)
}
