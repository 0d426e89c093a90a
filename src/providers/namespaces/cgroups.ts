import { readdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TestbedError } from '../../core/errors.ts'
import { poll } from '../../core/retry.ts'
import type { Clock } from '../../core/time.ts'

/**
 * Every process of a host is in the host's sub-tree of every cgroup hierarchy, `migration-testbed/<id>/<host>`: the kernel
 * itself keeps the list, so nothing that was ever started is missed.
 */
const label = 'migration-testbed'

/** Names of the hosts (and of a builder) that have a sub-tree. */
export async function listGroups(id: string): Promise<string[]> {
  const lists = await Promise.all((await hierarchies()).map((mount) => subfolders(join(mount, label, id))))
  return [...new Set(lists.flat())]
}

/** Machine-wide process ids of everything in the sub-tree of `host`. */
export async function processesOf(id: string, host: string): Promise<number[]> {
  const lists = await Promise.all(
    (await hierarchies()).map((mount) => processesBelow(join(mount, label, id, host))),
  )
  return [...new Set(lists.flat())]
}

/** Kills every process of `host` and waits for their end. */
export async function killGroup(id: string, host: string, clock: Clock): Promise<void> {
  await poll(
    async () => {
      const pids = await processesOf(id, host)
      for (const pid of pids) sendKill(pid)
      // A migration that was cut off leaves its workload frozen, and what is frozen in cgroup v1 does not end.
      for (const mount of await hierarchies()) await thawBelow(join(mount, label, id, host))
      return pids.length === 0 ? true : undefined
    },
    { what: 'end of its processes', where: host, timeoutMs: 10_000, intervalMs: 10, clock },
  )
}

/** Removes the sub-tree of `host` from every hierarchy, and the parents that nothing else is in. */
export async function removeGroup(id: string, host: string, clock: Clock): Promise<void> {
  for (const mount of await hierarchies()) {
    await poll(async () => ((await removeTree(join(mount, label, id, host))) ? true : undefined), {
      what: `removal of cgroup ${label}/${id}/${host}`,
      timeoutMs: 5_000,
      intervalMs: 10,
      clock,
    })
    for (const parent of [join(mount, label, id), join(mount, label)]) await rmdir(parent).catch(ignoreInUse)
  }
}

async function hierarchies(): Promise<string[]> {
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n')
  return mounts.flatMap((line) => {
    const [fields, type] = line.split(' - ')
    const mountPoint = fields?.split(' ')[4]
    return mountPoint !== undefined && /^cgroup2? /.test(type ?? '') ? [mountPoint] : []
  })
}

async function subfolders(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true })
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

async function processesBelow(folder: string): Promise<number[]> {
  const own = await readFile(join(folder, 'cgroup.procs'), 'utf8').catch(() => '')
  const pids = own
    .split('\n')
    .filter((line) => line !== '')
    .map(Number)
  const below = await Promise.all(
    (await subfolders(folder)).map((name) => processesBelow(join(folder, name))),
  )
  return [...pids, ...below.flat()].filter((pid) => pid > 0)
}

async function thawBelow(folder: string): Promise<void> {
  await writeFile(join(folder, 'freezer.state'), 'THAWED', { flag: 'r+' }).catch(() => {}) // only the freezer has one
  for (const name of await subfolders(folder)) await thawBelow(join(folder, name))
}

function sendKill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') {
      throw new TestbedError('testbed', `process ${pid} cannot be ended`, {
        cause: error,
        hint: 'run as root',
      })
    }
  }
}

/** Depth first; false while the kernel still holds one of them. */
async function removeTree(folder: string): Promise<boolean> {
  for (const name of await subfolders(folder)) if (!(await removeTree(join(folder, name)))) return false
  try {
    await rmdir(folder)
    return true
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT') return true
    if (code === 'EBUSY' || code === 'ENOTEMPTY') return false
    throw error
  }
}

function ignoreInUse(error: unknown): void {
  const code = (error as NodeJS.ErrnoException).code
  if (code !== 'ENOENT' && code !== 'EBUSY' && code !== 'ENOTEMPTY') throw error
}
