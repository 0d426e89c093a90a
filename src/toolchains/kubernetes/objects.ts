import type { ResolvedWorkload } from '../../config/resolved.ts'
import type { Host } from '../../hosts/host.ts'
import type { VolumeMount } from '../trial-volumes.ts'

/** A trial as objects of the API. There is one trial at a time: names are the same for all. */
export const serviceName = 'workload'
/** Of a service that selects no pods. By the other name the cluster may still know pods of the trial before, and send connections there. */
export const directServiceName = 'workload-direct'
const label = { 'migration-testbed': 'trial' }
/** Finds everything of a trial. */
export const selector = 'migration-testbed=trial'
/** As provision/kubernetes/runtime.sh writes it. */
const criuConfiguration = '/etc/migration-testbed/kubernetes/criu.conf'
const gate = 'migration-testbed/volumes'

/** Where the API has the objects of a kind. */
const collections = {
  Deployment: '/apis/apps/v1/namespaces/default/deployments',
  EndpointSlice: '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices',
  Node: '/api/v1/nodes',
  PersistentVolume: '/api/v1/persistentvolumes',
  PersistentVolumeClaim: '/api/v1/namespaces/default/persistentvolumeclaims',
  Pod: '/api/v1/namespaces/default/pods',
  ReplicaSet: '/apis/apps/v1/namespaces/default/replicasets',
  Service: '/api/v1/namespaces/default/services',
  StatefulSet: '/apis/apps/v1/namespaces/default/statefulsets',
}
export type Kind = keyof typeof collections

export function pathOf(kind: Kind, name?: string): string {
  return name === undefined ? collections[kind] : `${collections[kind]}/${name}`
}

/** What the API server is given. */
export interface ApiObject {
  readonly apiVersion: string
  readonly kind: Kind
  readonly metadata: { readonly name: string }
}

export interface Endpoint {
  readonly addresses: readonly string[]
  readonly conditions: { readonly ready?: boolean }
}

export interface PodOptions {
  readonly workload: ResolvedWorkload
  /** As the registry of the cluster has it. */
  readonly image: string
  /** Absent: as the engine's own, 30 s. */
  readonly graceSeconds?: number
  /** Absent: any node that has what it needs. */
  readonly node?: string
  /** The only ones that it may be placed on: a cluster may have more nodes than a trial. Absent: any. */
  readonly nodes?: readonly string[]
  /** Continues from a checkpoint that comes there, instead of beginning anew; see provision/kubernetes/runc-restore.sh. */
  readonly restoredFrom?: string
  /** How long it stays bound to a node that is not heard of any more; absent: 300 s. */
  readonly tolerationSeconds?: number
}

/** The service address, whichever pod is behind it. @param pods labels of those; `none`: it selects none, `endpointsAt` says which */
export function service(
  { port }: ResolvedWorkload,
  address: string,
  pods: Readonly<Record<string, string>> | 'none' = label,
) {
  return named('v1', 'Service', pods === 'none' ? directServiceName : serviceName, {
    ...(pods === 'none' ? {} : { selector: pods }),
    externalIPs: [address],
    ports: [{ port, targetPort: port }],
  })
}

/** What is behind a service that selects no pods. */
export function endpointsAt({ port }: ResolvedWorkload, address: string) {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice' as const,
    metadata: {
      name: directServiceName,
      labels: {
        ...label,
        'kubernetes.io/service-name': directServiceName,
        'endpointslice.kubernetes.io/managed-by': 'migration-testbed',
      },
    },
    addressType: 'IPv4',
    ports: [{ port }],
    ...behind(address),
  }
}

/** What changes of it when another pod is behind the service. */
export function behind(address: string) {
  return { endpoints: [{ addresses: [address], conditions: { ready: true } }] }
}

/** By it one pod of a trial is told from another. */
export function pick(pod: string) {
  return { ...label, pod }
}

/** A pod of its own, which nothing starts again: one that was restored would begin a second time from the same old state. */
export function barePod(name: string, options: PodOptions) {
  const { metadata, spec } = template(options)
  return {
    apiVersion: 'v1',
    kind: 'Pod' as const,
    metadata: { ...metadata, name, labels: pick(name) },
    spec: { ...spec, restartPolicy: 'Never' },
  }
}

/** One replica that the cluster keeps up. */
export function deployment(options: PodOptions) {
  return replica('Deployment', { strategy: { type: 'Recreate' }, template: template(options) })
}

/** The same with volumes: never two at once, and none is placed before its volumes are where it may go. */
export function statefulSet(options: PodOptions, mounts: readonly VolumeMount[]) {
  const { metadata, spec } = template(options)
  const names = mounts.map((_, index) => claimName(index))
  const volumeMounts = mounts.map(({ target }, index) => ({ name: names[index], mountPath: target }))
  return replica('StatefulSet', {
    serviceName,
    template: {
      metadata,
      spec: {
        ...spec,
        schedulingGates: [{ name: gate }],
        containers: spec.containers.map((container) => ({ ...container, volumeMounts })),
        volumes: names.map((name) => ({ name, persistentVolumeClaim: { claimName: name } })),
      },
    },
  })
}

function replica(kind: 'Deployment' | 'StatefulSet', spec: object) {
  return named('apps/v1', kind, serviceName, { replicas: 1, selector: { matchLabels: label }, ...spec })
}

/** The workload's volumes as they are mounted on a host. @param place told apart by it */
export function volumesOn(
  host: Pick<Host, 'name'>,
  place: string,
  mounts: readonly (VolumeMount & { readonly bytes: number })[],
) {
  return mounts.map(({ source, bytes }, index) =>
    named('v1', 'PersistentVolume', volumeName(index, place), {
      ...unclassed,
      capacity: { storage: String(bytes) },
      persistentVolumeReclaimPolicy: 'Retain',
      local: { path: source },
      claimRef: {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        namespace: 'default',
        name: claimName(index),
      },
      nodeAffinity: { required: onlyOn([host.name]) },
    }),
  )
}

/** The claims of the stateful set's pod to those volumes. */
export function claimsOf(place: string, mounts: readonly { readonly bytes: number }[]) {
  return mounts.map(({ bytes }, index) =>
    named('v1', 'PersistentVolumeClaim', claimName(index), {
      ...unclassed,
      volumeName: volumeName(index, place),
      resources: { requests: { storage: String(bytes) } },
    }),
  )
}

/** A node selector. */
function onlyOn(nodes: readonly string[]) {
  const here = { key: 'kubernetes.io/hostname', operator: 'In', values: nodes }
  return { nodeSelectorTerms: [{ matchExpressions: [here] }] }
}

const unclassed = { accessModes: ['ReadWriteOnce'], storageClassName: '' }

export function claimName(index: number): string {
  return `volume-${index}`
}

export function volumeName(index: number, place: string): string {
  return `${claimName(index)}-${place}`
}

function named<Name extends Kind>(apiVersion: string, kind: Name, name: string, spec: object) {
  return { apiVersion, kind, metadata: { name, labels: label }, spec }
}

function template(options: PodOptions) {
  const { workload, image, graceSeconds, node, nodes, restoredFrom, tolerationSeconds } = options
  return {
    metadata: {
      labels: label,
      annotations: {
        'org.criu.config': criuConfiguration,
        ...(restoredFrom === undefined ? {} : { 'migration-testbed.restore': restoredFrom }),
      },
    },
    spec: {
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      dnsPolicy: 'Default', // the cluster has none of its own
      ...(graceSeconds === undefined ? {} : { terminationGracePeriodSeconds: graceSeconds }),
      ...(node === undefined ? {} : { nodeSelector: { 'kubernetes.io/hostname': node } }),
      ...(nodes === undefined
        ? {}
        : { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: onlyOn(nodes) } } }),
      ...(restoredFrom === undefined ? {} : { runtimeClassName: 'testbed-restore' }),
      ...(tolerationSeconds === undefined
        ? {}
        : {
            tolerations: ['not-ready', 'unreachable'].map((condition) => ({
              key: `node.kubernetes.io/${condition}`,
              operator: 'Exists',
              effect: 'NoExecute',
              tolerationSeconds,
            })),
          }),
      containers: [
        {
          name: 'workload',
          image,
          imagePullPolicy: 'IfNotPresent',
          ...(workload.command.length === 0 ? {} : { args: workload.command }),
          env: Object.entries(workload.environment).map(([name, value]) => ({ name, value })),
          readinessProbe: { tcpSocket: { port: workload.port }, periodSeconds: 1 },
        },
      ],
    },
  }
}
