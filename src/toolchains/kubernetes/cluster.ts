import { TestbedError } from '../../core/errors.ts'
import { poll } from '../../core/retry.ts'
import { runChecked } from '../../hosts/checked.ts'
import type { Argv, Host } from '../../hosts/host.ts'
import type { TrialContext } from '../toolchain.ts'
import { type Api, credentialsOf, openApi } from './api.ts'
import { type ApiObject, type Kind, pathOf } from './objects.ts'

/** As provision/kubernetes/names.sh has them. */
const kubeconfig = '/etc/migration-testbed/kubernetes/client.conf'
const scripts = '/usr/local/lib/migration-testbed/provision/kubernetes'
const timeoutMs = 60_000

/** What is done to a cluster, and what does it: its API server, asked as its administrator. */
export interface Cluster extends Pick<Api, 'request' | 'follow'> {
  /** The host of its control plane. */
  readonly control: Host
  /** One after the other. */
  create(...objects: readonly ApiObject[]): Promise<void>
  /** @param changes merged into the object, or, as an array, the steps of a JSON patch */
  patch(kind: Kind, name: string, changes: object): Promise<void>
  /** Removes an object, or all that a selector finds; nothing when there is none. Does not wait until it is gone. */
  remove(
    kind: Kind,
    which: { readonly name: string } | { readonly selector: string },
    how?: Removal,
  ): Promise<void>
  /** Waits until there is nothing at a path of the API, or an empty list. @throws TestbedError */
  gone(path: string, withinMs: number): Promise<void>
}

export interface Removal {
  /** For a pod; 0 without waiting for its node. */
  readonly graceSeconds?: number
  /** What it owns stays. */
  readonly orphan?: boolean
}

/** Opens the cluster for as long as `use` takes. @throws TestbedError when neither end of the trial administers one */
export async function withCluster<Result>(
  context: TrialContext,
  use: (cluster: Cluster) => Promise<Result>,
): Promise<Result> {
  const { clock, signal, patience } = context
  const { control, credentials } = await administratorOf(context)
  const api = await openApi(credentials, { where: control.name, patience, clock, signal })
  try {
    return await use(clusterOf(control, api, context))
  } finally {
    api.close()
  }
}

function clusterOf(control: Host, api: Api, { clock, signal, patience }: TrialContext): Cluster {
  return {
    control,
    request: api.request,
    follow: api.follow,
    create: async (...objects) => {
      for (const object of objects) {
        await api.request({
          method: 'POST',
          path: `${pathOf(object.kind)}?fieldValidation=Strict`,
          body: object,
          what: `the creation of the ${object.kind} ${object.metadata.name}`,
        })
      }
    },
    patch: async (kind, name, changes) => {
      const type = Array.isArray(changes) ? 'application/json-patch+json' : 'application/merge-patch+json'
      const what = `the change of the ${kind} ${name}`
      await api.request({ method: 'PATCH', path: pathOf(kind, name), body: changes, type, what })
    },
    remove: async (kind, which, { graceSeconds, orphan = false } = {}) => {
      const query = new URLSearchParams({
        ...('selector' in which ? { labelSelector: which.selector } : {}),
        ...(graceSeconds === undefined ? {} : { gracePeriodSeconds: String(graceSeconds) }),
        propagationPolicy: orphan ? 'Orphan' : 'Background',
      })
      const path = 'name' in which ? pathOf(kind, which.name) : pathOf(kind)
      const what = `the removal of the ${kind} ${'name' in which ? which.name : 'of the trial'}`
      await api.request({ method: 'DELETE', path: `${path}?${query}`, what })
    },
    gone: async (path, withinMs) => {
      const asked = { method: 'GET', path, what: 'looking for what was removed' } as const
      const look = async () => {
        const answer = await api.request<{ readonly items?: readonly unknown[] }>(asked)
        return answer === undefined || answer.items?.length === 0 ? true : undefined
      }
      await poll(look, {
        what: `the end of what is at ${path}`,
        where: control.name,
        timeoutMs: withinMs * patience,
        intervalMs: 20 * patience,
        clock,
        signal,
        hint: 'kubelet.log and kube-apiserver.log on the hosts tell more: testbed logs',
      })
    },
  }
}

/** Takes no new pods, as `kubectl cordon` has it; or takes them again. */
export async function cordon(cluster: Cluster, node: Host, cordoned: boolean): Promise<void> {
  await cluster.patch('Node', node.name, { spec: { unschedulable: cordoned ? true : null } })
}

/** The host of the control plane, and its administrator's keys. @throws TestbedError when neither end of the trial has one */
export async function administratorOf({ source, destination, signal }: TrialContext) {
  for (const control of [destination, source]) {
    const asked = await control.run({ argv: ['cat', kubeconfig] }, { signal }).catch(() => undefined)
    if (asked?.exitCode === 0) return { control, credentials: credentialsOf(asked.stdout) }
  }
  throw new TestbedError('trial', 'neither host of the trial has the control plane of a cluster', {
    hint: 'testbed up --with kubernetes makes one, on the second host of the testbed',
  })
}

/** Runs a script of `provision/kubernetes` on a host; answers what it printed. @throws TestbedError, also after `withinMs` */
export async function runScript(
  context: TrialContext,
  host: Host,
  name: string,
  args: readonly string[],
  what: string,
  withinMs = timeoutMs,
): Promise<string> {
  const { stdout } = await runChecked(host, scriptArgv(name, ...args), {
    what,
    kind: 'trial',
    timeoutMs: withinMs,
    signal: context.signal,
  })
  return stdout.trim()
}

export function scriptArgv(name: string, ...args: readonly string[]): Argv {
  return ['sh', `${scripts}/${name}.sh`, ...args]
}
