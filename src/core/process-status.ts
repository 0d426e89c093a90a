import { readFile } from 'node:fs/promises'

/**
 * What the kernel says of a process of this machine: /proc/PID/stat from its third field on, the state (proc_pid_stat(5)). Nothing
 * where there is none.
 */
export async function processStatus(pid: number): Promise<readonly string[]> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  // The second field is the name, in parentheses, and may hold anything.
  return stat === '' ? [] : stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}
