import { loadTestbed } from '../../config/testbed.ts'
import { takeDown } from '../../testbed/down.ts'
import { advise, printJson } from '../output.ts'
import { createView } from '../progress.ts'
import type { Session } from '../session.ts'

export async function down(_: Session, options: { testbed: string; json?: boolean }): Promise<undefined> {
  const { value } = await loadTestbed(options.testbed)
  const view = await createView(value.hosts.map((host) => host.name))
  const existed = await view.during(() =>
    takeDown(value.name, { provider: value.provider, progress: view.progress }),
  )
  if (options.json === true) printJson({ name: value.name, state: 'down', existed })
  else advise(existed ? `testbed ${value.name} is down` : `testbed ${value.name} was not up: nothing to do`)
}
