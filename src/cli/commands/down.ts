import { loadTestbed } from '../../config/testbed.ts'
import { takeDown, takeDownAll } from '../../testbed/down.ts'
import { advise, printJson } from '../output.ts'
import { createView } from '../progress.ts'
import type { Session } from '../session.ts'

interface DownArguments {
  readonly testbed: string
  readonly all?: boolean
  readonly json?: boolean
}

export async function down(_: Session, options: DownArguments): Promise<undefined> {
  if (options.all === true) {
    await downAll(options)
    return
  }
  const { value } = await loadTestbed(options.testbed)
  const view = await createView(value.hosts.map((host) => host.name))
  const existed = await view.during(() =>
    takeDown(value.name, { provider: value.provider, progress: view.progress }),
  )
  if (options.json === true) printJson({ name: value.name, state: 'down', existed })
  else advise(existed ? `testbed ${value.name} is down` : `testbed ${value.name} was not up: nothing to do`)
}

async function downAll({ json }: DownArguments): Promise<void> {
  const view = await createView([])
  const removed = await view.during(() => takeDownAll(view.progress))
  if (json === true) {
    printJson(removed.map((one) => ({ ...one, state: 'down' })))
    return
  }
  if (removed.length === 0) advise('no testbed has networks on this machine: nothing to do')
  for (const { name, stateFolder } of removed) advise(`testbed ${name} of ${stateFolder} is down`)
}
