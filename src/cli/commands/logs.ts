import { cp, mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { displayPath } from '../../config/paths.ts'
import { loadTestbed } from '../../config/testbed.ts'
import { messageOf } from '../../core/errors.ts'
import { openHost, requireUp } from '../../testbed/open.ts'
import { stateFolderOf } from '../../testbed/state.ts'
import { advise, print } from '../output.ts'
import type { Session } from '../session.ts'

/** `FOLDER/<host>/`: our own logs of the host, and everything under its /var/log. */
export async function logs(
  { signal }: Session,
  options: { testbed: string },
  args: readonly string[],
): Promise<undefined> {
  const { value } = await loadTestbed(options.testbed)
  const folder = resolve(args[0] ?? 'logs')
  await mkdir(folder, { recursive: true })
  await cp(join(stateFolderOf(value.name), 'logs'), folder, { recursive: true }).catch(() => undefined)
  const { addresses } = await requireUp(value.name)
  for (const { name } of addresses) {
    try {
      const host = await openHost(value.name, name, signal)
      const remote = '/tmp/migration-testbed-logs.tar.gz'
      await host.run({ argv: ['tar', '-C', '/var', '-czf', remote, 'log'] }, { signal })
      await mkdir(join(folder, name), { recursive: true })
      await host.get(remote, join(folder, name, 'var-log.tar.gz'))
      await host.run({ argv: ['rm', '-f', remote] }, { signal })
      host.close()
    } catch (error) {
      advise(`${name}: no logs from the host itself (${messageOf(error)})`)
    }
  }
  print(displayPath(folder))
}
