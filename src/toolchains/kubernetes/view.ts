import { TestbedError } from '../../core/errors.ts'
import type { TrialContext } from '../toolchain.ts'
import type { Cluster } from './cluster.ts'
import { type Endpoint, type Kind, pathOf, selector, serviceName } from './objects.ts'

export interface Pod {
  readonly metadata: { readonly name: string; readonly uid: string; readonly deletionTimestamp?: string }
  readonly spec: { readonly nodeName?: string }
  readonly status: {
    readonly phase?: string
    readonly reason?: string
    readonly podIP?: string
    readonly conditions?: readonly {
      readonly type: string
      readonly status: string
      readonly message?: string
    }[]
    readonly containerStatuses?: readonly {
      readonly containerID?: string
      readonly ready: boolean
      readonly state: {
        readonly running?: object
        readonly waiting?: { readonly reason?: string; readonly message?: string }
        readonly terminated?: {
          readonly reason?: string
          readonly exitCode?: number
          readonly message?: string
        }
      }
    }[]
  }
}

interface Slice {
  readonly metadata: { readonly uid: string }
  readonly endpoints?: readonly Endpoint[] | null
}

interface Node {
  readonly metadata: { readonly name: string; readonly uid: string }
  readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] }
}

/** What the API says of a trial, as of its last event. */
export interface Objects {
  readonly pods: readonly Pod[]
  readonly endpoints: readonly Endpoint[]
  readonly nodes: readonly Node[]
}

/** A trial's objects, followed: each change is known here as soon as the API server tells it. */
export interface View {
  /** Waits until `look` finds something. @throws TestbedError with what the pods are waiting for when it never does */
  until<Found>(what: string, look: (objects: Objects) => Found | undefined, ms?: number): Promise<Found>
}

const untilMs = 60_000

/** Follows until the cluster is closed. */
export async function openView(cluster: Cluster, context: TrialContext): Promise<View> {
  const pods = new Map<string, Pod>()
  const slices = new Map<string, Slice>()
  const nodes = new Map<string, Node>()
  const lookers = new Set<() => void>()
  const ended = new AbortController()
  const follow = (kind: Kind, query: string, objects: Map<string, unknown>) =>
    cluster.follow({
      path: pathOf(kind),
      query,
      objects,
      onChange: () => {
        for (const look of lookers) look()
      },
      onLost: (error) => ended.abort(error),
    })
  const labels = (selected: string) => `labelSelector=${encodeURIComponent(selected)}`
  await Promise.all([
    follow('Pod', labels(selector), pods),
    follow('EndpointSlice', labels(`kubernetes.io/service-name=${serviceName}`), slices),
    follow('Node', '', nodes),
  ])
  const objects = (): Objects => ({
    pods: [...pods.values()],
    endpoints: [...slices.values()].flatMap(({ endpoints }) => endpoints ?? []),
    nodes: [...nodes.values()],
  })
  return {
    until: async (what, look, ms = untilMs) => {
      const withinMs = ms * context.patience
      const late = AbortSignal.timeout(withinMs)
      const stop = AbortSignal.any([context.signal, late, ended.signal])
      return await new Promise((resolve, reject) => {
        const end = (settle: () => void) => {
          lookers.delete(again)
          stop.removeEventListener('abort', onStop)
          settle()
        }
        const again = () => {
          const found = look(objects())
          if (found !== undefined) end(() => resolve(found))
        }
        const onStop = () =>
          end(() => {
            if (context.signal.aborted) reject(context.signal.reason)
            else if (ended.signal.aborted) reject(ended.signal.reason)
            else reject(neverSeen(what, withinMs, objects()))
          })
        lookers.add(again)
        stop.addEventListener('abort', onStop, { once: true })
        if (stop.aborted) onStop()
        else again()
      })
    },
  }
}

function neverSeen(what: string, ms: number, { pods }: Objects): TestbedError {
  return new TestbedError('trial', `no sign of ${what} within ${ms / 1000} s`, {
    why: pods.map(describePod),
    hint: 'kubelet.log and containerd.log on the hosts tell more: testbed logs',
  })
}

/** For a pod that has ended, or never came so far. */
export function doesNotRun(pod: Pod): TestbedError {
  return new TestbedError('trial', 'the workload does not run', {
    why: [describePod(pod)],
    hint: 'testbed kubectl logs shows its last words; kubelet.log on the host tells more: testbed logs',
  })
}

/** A pod in a line, with what it waits for. */
function describePod({ metadata, spec, status }: Pod): string {
  const reasons = [
    ...(status.containerStatuses ?? []).flatMap(({ state }) => {
      const why = state.waiting ?? state.terminated
      return why === undefined ? [] : [[why.reason, why.message].filter(Boolean).join(': ')]
    }),
    ...(status.conditions ?? []).flatMap(({ type, status, message }) =>
      type === 'PodScheduled' && status === 'False' && message !== undefined ? [message] : [],
    ),
  ]
  const where = spec.nodeName === undefined ? 'on no node' : `on ${spec.nodeName}`
  return [`pod ${metadata.name} ${where}: ${status.phase ?? 'unknown'}`, ...reasons].join('; ')
}

export function isReady({ status, metadata }: Pod): boolean {
  return (
    metadata.deletionTimestamp === undefined &&
    status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true
  )
}

/** Of the pod's only container, once it runs. */
export function runningContainer({ status }: Pod): string | undefined {
  const [container] = status.containerStatuses ?? []
  return container?.state.running === undefined
    ? undefined
    : container.containerID?.replace('containerd://', '')
}
