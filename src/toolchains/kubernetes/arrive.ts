import type { Timeline } from '../timeline.ts'
import { isReady, type Pod, runningContainer, type View } from './view.ts'

/**
 * Follows a new pod from its placement to the first connection that is sent to it, each step a phase of the timeline as the API
 * tells it: `schedule`, `start`, `ready`, `endpoint`.
 */
export async function followArrival(
  view: View,
  timeline: Timeline,
  isIt: (pod: Pod) => boolean,
  started: () => void = () => {},
): Promise<Pod> {
  const find = (wanted: (pod: Pod) => boolean) => (objects: { readonly pods: readonly Pod[] }) =>
    objects.pods.find((pod) => isIt(pod) && wanted(pod))
  await timeline.phase('schedule', () =>
    view.until(
      'a node for the pod',
      find(({ spec }) => spec.nodeName !== undefined),
    ),
  )
  await timeline.phase('start', () =>
    view.until(
      'a container that runs',
      find((pod) => runningContainer(pod) !== undefined),
    ),
  )
  started()
  const pod = await timeline.phase('ready', () => view.until('a pod that is ready', find(isReady)))
  await timeline.phase('endpoint', () => view.until('the pod behind its service', endpointOf(pod)))
  return pod
}

/** Looks for the pod among those that the service's connections are sent to. */
function endpointOf({ status }: Pod) {
  return ({
    endpoints,
  }: {
    readonly endpoints: readonly { addresses: readonly string[]; conditions: { ready?: boolean } }[]
  }) =>
    endpoints.find(
      ({ addresses, conditions }) => conditions.ready === true && addresses.includes(status.podIP ?? ''),
    )
}
