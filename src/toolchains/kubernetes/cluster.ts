import { TestbedError } from '../../core/errors.ts'
import { runChecked } from '../../hosts/checked.ts'
import type { Argv, Host } from '../../hosts/host.ts'
import { type StagedCommand, stageCommand } from '../staged-command.ts'
import type { TrialContext } from '../toolchain.ts'

/** As provision/kubernetes/names.sh has them. */
const kube = '/usr/local/lib/migration-testbed/kubernetes/bin/kube'
const kubeconfig = '/etc/migration-testbed/kubernetes/client.conf'
const scripts = '/usr/local/lib/migration-testbed/provision/kubernetes'
const timeoutMs = 60_000

/**
 * Makes the objects on standard input, which are ours: kubectl would first fetch what the API server knows of all kinds, and an
 * emulated server takes longer to tell than kubectl waits.
 */
export const createArguments = ['create', '-f', '-', '--validate=false'] as const

/** What is done to a cluster, on the host that administers it. */
export interface Cluster {
  readonly control: Host
  /** Runs `kubectl …`, and answers what it printed. @throws TestbedError with its last lines */
  kubectl(args: readonly string[], input?: unknown): Promise<string>
  /** `kubectl …` that has started already, and waits for the object on its standard input. */
  stage(args: readonly string[], what: string, withinMs?: number): Promise<StagedCommand>
  /** Everything below a path of the API, as it comes: `kubectl get --raw`. */
  watchArgv(path: string): Argv
  /** Ends what was staged, told or not. */
  close(): void
}

/** @throws TestbedError when neither end of the trial administers a cluster */
export async function openCluster(context: TrialContext): Promise<Cluster> {
  const control = await controlOf(context)
  const argv = (args: readonly string[]): Argv => [kube, 'kubectl', '--kubeconfig', kubeconfig, ...args]
  const staged: StagedCommand[] = []
  return {
    control,
    kubectl: async (args, input) => {
      const { stdout } = await runChecked(control, argv(args), {
        what: `kubectl ${args.slice(0, 2).join(' ')}`,
        kind: 'trial',
        timeoutMs,
        signal: context.signal,
        ...(input === undefined ? {} : { input: JSON.stringify(input) }),
      })
      return stdout.trim()
    },
    stage: async (args, what, withinMs) => {
      const command = await stageCommand(context, control, {
        argv: argv(args),
        what,
        hint: 'kubelet.log and kube-apiserver.log on the hosts tell more: testbed logs',
        ...(withinMs === undefined ? {} : { withinMs }),
      })
      staged.push(command)
      return command
    },
    watchArgv: (path) => argv(['get', '--raw', path]),
    close: () => {
      for (const command of staged) command.close()
    },
  }
}

async function controlOf({ source, destination, signal }: TrialContext): Promise<Host> {
  for (const host of [destination, source]) {
    const asked = await host.run({ argv: ['test', '-e', kubeconfig] }, { signal }).catch(() => undefined)
    if (asked?.exitCode === 0) return host
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
