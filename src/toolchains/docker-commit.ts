import { openReceiver } from '../transfer/tcp.ts'
import {
  announce,
  deployOnSource,
  docker,
  lacksDocker,
  removeAll,
  runContainer,
  trialLabel,
} from './docker.ts'
import { lackingAt } from './lacking.ts'
import type { Toolchain } from './toolchain.ts'

/**
 * The cold way that needs nothing but Docker: stop, make an image of the container, save | load it on the other host, run.
 * The workload starts anew: its memory and connections are lost, its files are kept. It is stopped before the image is
 * made, so that nothing that it wrote is missing in it.
 */
export const dockerCommit: Toolchain = {
  name: 'docker-commit',
  keeps: { memory: false, connections: false, files: true },
  supports: (source, destination, workload) => {
    if (workload.volumes !== undefined) {
      const message = 'an image holds no volumes: what is in them would be left behind'
      return { feature: 'docker:volumes', at: 'source', message }
    }
    return lackingAt(source, destination, lacksDocker)
  },
  deploy: deployOnSource,
  migrate: async (context, deployment, timeline) => {
    const { source, destination } = context
    const image = `migration-testbed/trial:${context.trial}`
    const receiver = await timeline.phase('stage', () =>
      openReceiver(destination, source, ['docker', 'load', '--quiet']),
    )
    try {
      await timeline.phase('stop', () => docker(context, source, ['stop', deployment.container]))
      await timeline.phase('commit', () =>
        docker(context, source, [
          'commit',
          '--change',
          `LABEL ${trialLabel}=${context.trial}`,
          deployment.container,
          image,
        ]),
      )
      const { bytes } = await timeline.phase('transfer', async (details) => {
        const moved = await receiver.receiveFrom(source, ['docker', 'save', image], context.signal)
        details.bytes = moved.bytes
        return moved
      })
      const started = await timeline.phase('start', () => runContainer(context, destination, image))
      await timeline.phase('switch', () => announce(context, destination, 3))
      return { deployment: started, transferredBytes: bytes }
    } finally {
      receiver.close()
    }
  },
  remove: removeAll,
}
