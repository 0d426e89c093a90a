import { TestbedError } from '../core/errors.ts'
import { runChecked } from '../hosts/checked.ts'
import type { Facts } from '../hosts/facts.ts'
import type { Argv, Host } from '../hosts/host.ts'
import { startSide } from './side.ts'
import { type StagedCommand, stageCommand } from './staged-command.ts'
import type { Deployment, Lack, TrialContext } from './toolchain.ts'
import { volumeMounts } from './trial-volumes.ts'

/** Everything that a trial makes with Docker carries this label, and is removed by it. */
export const trialLabel = 'migration-testbed.trial'
/** Created on every host by `provision/20-docker/configure.sh`. */
const serviceNetwork = 'svc'
const timeoutMs = 120_000
const startMs = 30_000
/** Stand on every host that is up. */
const provision = '/usr/local/lib/migration-testbed/provision'
const scripts = `${provision}/network`
const holdScript = `${scripts}/hold.sh`
/** Docker's name for provision/docker/runc-gated.sh. */
const gatedRuntime = 'migration-testbed-gated'

/** A container has all that Docker makes for it, but its process, which starts when the gate is opened. */
export interface GatedContainer {
  readonly container: string
  /** Its address answers from here now, or soon. @throws TestbedError when it does not start */
  open(): Promise<void>
  /** Opened or not; one that was not is left as it was created. Idempotent. */
  close(): void
}

/** Runs `docker …` on a host for a trial. @throws TestbedError with Docker's own last lines */
export async function docker(
  context: TrialContext,
  host: Host,
  args: readonly string[],
  limitMs = timeoutMs,
): Promise<string> {
  const { stdout } = await runChecked(host, ['docker', ...args], {
    what: `docker ${args[0]}`,
    kind: 'trial',
    signal: context.signal,
    timeoutMs: limitMs,
  })
  return stdout.trim()
}

/** For hosts on which Docker has to run, and that is all. */
export function lacksDocker({ docker }: Facts): Omit<Lack, 'at'> | undefined {
  return docker === undefined ? { feature: 'docker', message: 'Docker does not run there' } : undefined
}

/** Name of a trial's container; the same on both hosts. */
function containerOf(context: TrialContext): string {
  return `trial-${context.trial}`
}

/**
 * What follows `docker run` or `docker create`: the same address, MAC and settings wherever the container is made.
 * CRIU restores seccomp filters only with help from the kernel that not every host has, so there is none.
 */
export function containerArguments(
  context: TrialContext,
  image: string,
  { gated = false }: { readonly gated?: boolean } = {},
): string[] {
  const { workload, service } = context
  // What is mounted there while it waits at its gate, it shall see.
  const propagation = gated ? ':rslave' : ''
  return [
    ...(gated ? ['--runtime', gatedRuntime] : []),
    ...['--name', containerOf(context), '--label', `${trialLabel}=${context.trial}`],
    ...['--network', serviceNetwork, '--ip', service.address, '--mac-address', service.mac],
    ...['--security-opt', 'seccomp=unconfined', '--security-opt', 'apparmor=unconfined'],
    ...['--stop-signal', workload.stopSignal],
    ...volumeMounts(context).flatMap(({ source, target }) => [
      '--volume',
      `${source}:${target}${propagation}`,
    ]),
    ...Object.entries(workload.environment).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
    image,
    ...workload.command,
  ]
}

/** Starts the workload on the source, and draws its address there: it may have been on the other host a moment ago. */
export async function deployOnSource(context: TrialContext): Promise<Deployment> {
  const deployment = await runContainer(context, context.source, context.image.id)
  await announce(context, context.source, 2)
  return deployment
}

/** Starts the workload from `image` on `host`. */
export async function runContainer(context: TrialContext, host: Host, image: string): Promise<Deployment> {
  const container = await docker(context, host, ['run', '--detach', ...containerArguments(context, image)])
  return await deploymentOf(context, host, container)
}

/** Creates the workload's container on the destination, and starts it as far as can be while it runs on the source. */
export async function startGated(context: TrialContext): Promise<GatedContainer> {
  const { destination, image, service, patience, signal } = context
  const args = ['create', ...containerArguments(context, image.id, { gated: true })]
  const container = await docker(context, destination, args)
  const argv: Argv = ['sh', `${provision}/docker/gate.sh`, container, service.mac]
  const script = await startSide(destination, argv, {}, signal)
  const hint = `look at Docker's own log on ${destination.name}, and try the workload's command by hand in its image`
  const limit = { what: 'docker start', ms: startMs * patience, hint }
  try {
    await script.expect('waiting', limit)
  } catch (error) {
    script.kill()
    throw error
  }
  return {
    container,
    open: async () => {
      script.tell('open')
      await script.expect('open', limit)
    },
    close: () => script.endInput(),
  }
}

/** The container as a deployment. @throws TestbedError when it does not run: a restore can fail without saying so */
export async function deploymentOf(
  context: TrialContext,
  host: Host,
  container: string,
): Promise<Deployment> {
  const format = '{{.State.Running}} {{.State.Pid}} {{.State.ExitCode}}'
  const [running, pid, exitCode] = (
    await docker(context, host, ['inspect', '--format', format, container])
  ).split(' ')
  if (running !== 'true') {
    const logs = await host.run(
      { argv: ['docker', 'logs', '--tail', '5', container] },
      { signal: context.signal },
    )
    throw new TestbedError('trial', `the workload ended as soon as it was started (exit ${exitCode})`, {
      where: host.name,
      why: `${logs.stdout}${logs.stderr}`.trim().split('\n').slice(-5),
      hint: 'try its command by hand in the container',
    })
  }
  return {
    host,
    container,
    pid: Number(pid),
    address: { host: context.service.address, port: context.service.port },
  }
}

/** Says on the service network that the address is behind this host from now on. */
export async function announce(context: TrialContext, host: Host, times: number): Promise<void> {
  const { address, mac } = context.service
  const argv: Argv = ['sh', `${scripts}/announce.sh`, address, mac, String(times), '20']
  await runChecked(host, argv, { what: 'announcement of the address', kind: 'trial', signal: context.signal })
}

/** Lets nothing that clients send reach the address on `host`, until what it answers is completed, or it is released. */
export async function holdAddress(context: TrialContext, host: Host): Promise<StagedCommand> {
  await hold(context, host, ['hold', context.service.mac])
  return await stageCommand(context, host, {
    argv: ['sh', holdScript, 'release-when-told'],
    what: 'release of the address',
    hint: `look at \`nft list ruleset bridge\` on ${host.name}`,
  })
}

/** Whether it is held or not. */
export async function releaseAddress(context: TrialContext, host: Host): Promise<void> {
  await hold(context, host, ['release'])
}

async function hold(context: TrialContext, host: Host, args: readonly string[]): Promise<void> {
  const argv: Argv = ['sh', holdScript, ...args]
  await runChecked(host, argv, { what: `${args[0]} of the address`, kind: 'trial', signal: context.signal })
}

/** Removes every container and image of the trial from both hosts. */
export async function removeAll(context: TrialContext): Promise<void> {
  const filter = `label=${trialLabel}=${context.trial}`
  await Promise.all(
    [context.source, context.destination].map(async (host) => {
      const containers = await docker(context, host, ['ps', '--all', '--quiet', '--filter', filter])
      if (containers !== '')
        await docker(context, host, ['rm', '--force', '--volumes', ...containers.split('\n')])
      const images = await docker(context, host, ['images', '--quiet', '--filter', filter])
      if (images !== '') await docker(context, host, ['rmi', '--force', ...new Set(images.split('\n'))])
    }),
  )
}
