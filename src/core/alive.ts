import { processStatus } from './process-status.ts'

/**
 * Whether a process of this machine still runs. One that has ended does not, though nobody has taken note of its end yet: what
 * a killed program leaves as a zombie stays as long as its parent, or the first process of a container, pleases.
 * @param startedAt as `startTime` answered: a process id alone may be used again
 */
export async function isAlive(pid: number, startedAt?: string): Promise<boolean> {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  const { state, start } = await statusOf(pid)
  return state !== 'Z' && state !== 'X' && (startedAt === undefined || start === startedAt)
}

/** When a process was started, in the kernel's ticks since the machine's start; empty where there is no /proc. */
export async function startTime(pid: number): Promise<string> {
  return (await statusOf(pid)).start
}

/** Fields 3 and 22 of /proc/PID/stat; empty where there is none. */
async function statusOf(pid: number): Promise<{ readonly state: string; readonly start: string }> {
  const fields = await processStatus(pid)
  return { state: fields[0] ?? '', start: fields[19] ?? '' }
}
