import { runChecked } from '../../hosts/checked.ts'
import type { Argv, Host } from '../../hosts/host.ts'
import type { WorkloadImage } from '../../workloads/image.ts'
import { loadImage } from '../../workloads/load.ts'
import { docker } from '../docker.ts'
import type { Deployment, TrialContext } from '../toolchain.ts'
import { volumeMounts } from '../trial-volumes.ts'
import { bundleConfig, type ImageConfig } from './bundle.ts'
import type { Mode } from './modes.ts'

const scripts = '/usr/local/lib/migration-testbed/provision/runc'
/** As provision/runc/names.sh has them. */
const state = '/run/migration-testbed'
const bundle = '/var/lib/migration-testbed/bundle'
const id = 'migration-testbed'

export function scriptArgv(name: string, ...args: readonly string[]): Argv {
  return ['sh', `${scripts}/${name}.sh`, ...args]
}

/** Runs a script of `provision/runc` on a host to its end; answers what it printed. @throws TestbedError */
export async function runScript(
  host: Host,
  name: string,
  what: string,
  options: {
    readonly args?: readonly string[]
    readonly input?: string
    readonly timeoutMs?: number
    readonly signal: AbortSignal
  },
): Promise<string> {
  const { args = [], ...rest } = options
  const { stdout } = await runChecked(host, scriptArgv(name, ...args), { what, kind: 'trial', ...rest })
  return stdout.trim()
}

/** Unpacks a workload's image out of Docker's store; once for each host. */
export async function unpackImage(host: Host, image: WorkloadImage, signal: AbortSignal): Promise<void> {
  if (host.facts.docker === undefined) return
  await loadImage(host, image, { signal })
  const folder = `/var/lib/migration-testbed/images/${image.id.replace('sha256:', '')}`
  const options = { args: [image.id, folder], timeoutMs: 5 * 60_000, signal }
  await runScript(host, 'unpack', 'unpacking of the image', options)
}

/** Makes bundle, network and folders on a host, in place of whatever was there. */
export async function prepareHost(context: TrialContext, host: Host, mode: Mode): Promise<void> {
  const { image, service, workload, signal } = context
  const config = JSON.parse(
    await docker(context, host, ['image', 'inspect', '--format', '{{json .Config}}', image.id]),
  ) as ImageConfig
  const document = bundleConfig({
    image: config,
    command: workload.command,
    environment: workload.environment,
    networkNamespace: '/run/netns/mtb-runc',
    criuConfiguration: `${bundle}/criu.conf`,
    sharedMemory: `${state}/shm`,
    volumes: volumeMounts(context),
    cgroup: `/${id}`,
  })
  await runScript(host, 'prepare', 'preparation of the bundle', {
    args: [image.id, service.address, service.mac, mode.memory],
    input: JSON.stringify(document),
    timeoutMs: 5 * 60_000, // an image is unpacked the first time
    signal,
  })
}

/** Starts the bundle that was prepared. @throws TestbedError when it does not stay up */
export async function startBundle(context: TrialContext, host: Host): Promise<Deployment> {
  const pid = await runScript(host, 'start', 'start of the workload', { signal: context.signal })
  return deploymentOn(context, host, Number(pid))
}

export function deploymentOn(context: TrialContext, host: Host, pid: number): Deployment {
  const { address, port } = context.service
  return { host, container: id, pid, address: { host: address, port } }
}

/** Removes everything of a trial from both hosts. */
export async function removeBundles(context: TrialContext): Promise<void> {
  const { signal } = context
  await Promise.all(
    [context.source, context.destination].map((host) =>
      runScript(host, 'remove', 'removal of the bundle', { signal }),
    ),
  )
}

/** When the workload was frozen last, by the host's wall clock in nanoseconds. */
export async function readFrozenAt(host: Host, signal: AbortSignal): Promise<bigint | undefined> {
  const { stdout } = await host.run({ argv: ['cat', `${state}/frozen-at`] }, { signal })
  return /^\d+$/.test(stdout.trim()) ? BigInt(stdout.trim()) : undefined
}
