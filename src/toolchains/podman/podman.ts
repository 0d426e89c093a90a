import { TestbedError } from '../../core/errors.ts'
import { runChecked } from '../../hosts/checked.ts'
import type { Argv, Host } from '../../hosts/host.ts'
import { trialLabel } from '../docker.ts'
import { handOver, makeNamespace, namespacePath, removeNamespace } from '../service-namespace.ts'
import type { Deployment, TrialContext } from '../toolchain.ts'
import { volumeMounts } from '../trial-volumes.ts'

const timeoutMs = 120_000
/** A restore that takes longer hangs: there is time left to take the workload back before a trial's deadline. */
export const restoreTimeoutMs = 45_000

/**
 * What comes before every subcommand. runc: podman's own crun is often built without CRIU. cgroupfs: there is no systemd
 * on every host. No events: nobody reads them.
 */
export const podmanCommand: Argv = [
  'podman',
  ...[
    '--runtime',
    'runc',
    '--cgroup-manager',
    'cgroupfs',
    '--events-backend',
    'none',
    '--log-level',
    'error',
  ],
]

/** Runs `podman …` on a host for a trial. @throws TestbedError with podman's own last lines */
export async function podman(
  context: TrialContext,
  host: Host,
  args: readonly string[],
  limitMs = timeoutMs,
): Promise<string> {
  const { stdout } = await runChecked(host, [...podmanCommand, ...args], {
    what: `podman ${args[0] === 'container' ? args[1] : args[0]}`,
    kind: 'trial',
    signal: context.signal,
    timeoutMs: limitMs,
  })
  return stdout.trim()
}

/** Name of a trial's container; the same on both hosts, for it is one container that moves. */
export function containerOf(context: TrialContext): string {
  return `trial-${context.trial}`
}

/** Starts the workload on the source in a network namespace of its own. */
export async function deployOnSource(context: TrialContext): Promise<Deployment> {
  const { source, workload, image } = context
  await makeNamespace(context, source)
  await podman(context, source, [
    ...['run', '--detach', '--name', containerOf(context), '--label', `${trialLabel}=${context.trial}`],
    ...['--network', `ns:${namespacePath(context)}`],
    ...['--security-opt', 'seccomp=unconfined', '--security-opt', 'apparmor=unconfined'],
    ...volumeMounts(context).flatMap(({ source, target }) => ['--volume', `${source}:${target}`]),
    ...Object.entries(workload.environment).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
    image.id.replace(/^sha256:/, ''),
    ...workload.command,
  ])
  await handOver(context, source, 2)
  return await deploymentOf(context, source)
}

/** The container as a deployment. @throws TestbedError when it does not run: a restore can fail without saying so */
export async function deploymentOf(context: TrialContext, host: Host): Promise<Deployment> {
  const container = containerOf(context)
  const format = '{{.State.Running}} {{.State.Pid}} {{.State.ExitCode}}'
  const [running, pid, exitCode] = (
    await podman(context, host, ['container', 'inspect', '--format', format, container])
  ).split(' ')
  if (running !== 'true') {
    const argv: Argv = [...podmanCommand, 'logs', '--tail', '5', container]
    const logs = await host.run({ argv }, { signal: context.signal })
    throw new TestbedError('trial', `the workload ended as soon as it was started (exit ${exitCode})`, {
      where: host.name,
      why: `${logs.stdout}${logs.stderr}`.trim().split('\n').slice(-5),
      hint: 'try its command by hand in the container',
    })
  }
  const address = { host: context.service.address, port: context.service.port }
  return { host, container, pid: Number(pid), address }
}

/** Removes the trial's container, network namespace and exported checkpoints from both hosts. */
export async function removeAll(context: TrialContext): Promise<void> {
  const filter = `label=${trialLabel}=${context.trial}`
  await Promise.all(
    [context.source, context.destination].map(async (host) => {
      if (host.facts.versions.podman !== undefined) {
        const containers = await podman(context, host, ['ps', '--all', '--quiet', '--filter', filter])
        if (containers !== '') {
          await podman(context, host, [
            'rm',
            '--force',
            '--time',
            '0',
            '--volumes',
            ...containers.split('\n'),
          ])
        }
      }
      await removeNamespace(context, host)
      await host.run({ argv: ['rm', '-rf', exportFolder(context)] }, { signal: context.signal })
    }),
  )
}

/** Where a host keeps a trial's exported checkpoints: a disk, for they are as large as the workload's memory. */
export function exportFolder(context: TrialContext): string {
  return `/var/tmp/migration-testbed/${context.trial}`
}
