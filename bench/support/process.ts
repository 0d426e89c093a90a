import { readdir, readFile, readlink } from 'node:fs/promises'
import type { Host } from '../../src/hosts/host.ts'

/** The process id on this machine of a process that a namespace host numbers `pid`: the first of its own pid namespace. */
export async function pidOnMachine(host: Host, pid: number): Promise<number> {
  const { stdout } = await host.run({ argv: ['readlink', `/proc/${pid}/ns/pid`] })
  const namespace = stdout.trim()
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const own = await readlink(`/proc/${entry}/ns/pid`).catch(() => '')
    if (own !== namespace) continue
    const status = await readFile(`/proc/${entry}/status`, 'utf8').catch(() => '')
    if (/^NSpid:.*\t1$/m.test(status)) return Number(entry)
  }
  throw new Error(`process ${pid} of ${host.name} is not to be found on this machine`)
}
