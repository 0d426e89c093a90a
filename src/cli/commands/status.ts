import { loadTestbed } from '../../config/testbed.ts'
import { statusOf } from '../../testbed/open.ts'
import { advise, columns, print, printJson } from '../output.ts'
import type { Session } from '../session.ts'

export async function status(_: Session, options: { testbed: string; json?: boolean }): Promise<undefined> {
  const { value } = await loadTestbed(options.testbed)
  const found = await statusOf(value.name)
  if (options.json === true) {
    printJson(found)
    return
  }
  print(`testbed ${found.name}: ${found.state}${found.provider === undefined ? '' : ` (${found.provider})`}`)
  if (found.hosts.length > 0)
    print(columns(found.hosts.map((host) => [host.name, host.state, host.address ?? ''])))
  if (found.state === 'incomplete') advise('testbed up completes it, testbed down removes it')
}
