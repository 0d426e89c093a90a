import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ResolvedTestbed } from '../../config/resolved.ts'
import { TestbedError } from '../../core/errors.ts'
import { type Progress, step } from '../../core/progress.ts'
import { runChecked } from '../../hosts/checked.ts'
import type { Host } from '../../hosts/host.ts'
import { runScript } from '../scripts.ts'
import type { KubernetesProgram } from './program.ts'

const home = '/usr/local/lib/migration-testbed/kubernetes'
const settings = '/etc/migration-testbed/kubernetes'

/** Scripts give up by themselves, earlier; hosts that are emulated are given five times as long. */
const scriptMs = 60 * 60_000

export interface ClusterOptions {
  readonly stateFolder: string
  readonly progress: Progress
  readonly signal: AbortSignal
}

/** Where `testbed kubectl`, and any other client on this machine, finds the cluster of a testbed. */
export function kubeconfigOf(stateFolder: string): string {
  return join(stateFolder, 'kubernetes', 'kubeconfig')
}

/** Puts the program on a host, unless it is there. */
export async function sendKubernetes(host: Host, program: KubernetesProgram): Promise<void> {
  const { source, folder, programs, version, digest } = program
  const mark = `${home}/digest`
  const { stdout } = await host.run({ argv: ['cat', mark] })
  if (stdout === digest) return
  await runChecked(
    host,
    ['sh', '-c', 'mkdir -p "$1/bin" && rm -f "$1/bin/pause" "$1/bin/images.tar"', 'sh', home],
    {
      what: 'a folder for Kubernetes',
    },
  )
  for (const name of programs) {
    const there = `${home}/bin/${name}`
    // A program that runs cannot be written to, but another file can take its name.
    await host.put(join(folder, name), `${there}.new`)
    await runChecked(host, ['sh', '-c', 'chmod 0755 "$1.new" && mv "$1.new" "$1"', 'sh', there])
  }
  const write = 'cd "$1" && printf %s "$2" >source && printf %s "$3" >version && printf %s "$4" >digest'
  await runChecked(host, ['sh', '-c', write, 'sh', home, source, version, digest])
}

/**
 * Makes provisioned hosts one cluster. The second has the control plane, and works too: workloads move there, from a host that can
 * be lost. What runs already stays. Answers when every
 * node is ready, a pod of each answers every other node, and the kubelets make checkpoints.
 * @throws TestbedError naming the probe that failed, with its hint and the end of the log
 */
export async function bringUpCluster(
  hosts: readonly Host[],
  testbed: ResolvedTestbed,
  options: ClusterOptions,
): Promise<void> {
  const { progress, signal, stateFolder } = options
  const control = hosts[1] ?? hosts[0]
  if (control === undefined) throw new Error('a testbed has hosts')
  const numberOf = (host: Host) => testbed.hosts.findIndex(({ name }) => name === host.name) + 1
  const run = (host: Host, name: string, what: string, ...args: readonly string[]) =>
    runScript({
      host,
      script: `kubernetes/${name}.sh`,
      args,
      what,
      log: join(stateFolder, 'logs', host.name, 'kubernetes.log'),
      timeoutMs: scriptMs,
      signal,
      onLine: (text) => progress({ kind: 'note', text, host: host.name }),
    })
  const nodes = hosts.map((host) => `${host.name}=${host.address}`)
  await run(control, 'pki', 'making the keys of the cluster', control.address, ...nodes)
  await Promise.all(
    hosts.map(async (host) => {
      await handCredentials(control, host)
      const others = hosts.filter((one) => one !== host).map((one) => `${numberOf(one)}=${one.address}`)
      const place = [String(numberOf(host)), host.address, control.address, ...others]
      const start = () => run(host, 'runtime', 'starting the runtime of containers', ...place)
      await step(progress, 'start the runtime', start, { host: host.name })
    }),
  )
  const startControl = () =>
    run(control, 'control', 'starting the control plane', control.name, control.address)
  await step(progress, 'start the control plane', startControl, { host: control.name })
  await Promise.all(
    hosts.map((host) => {
      const start = () => run(host, 'node', 'starting the node', host.name, host.address, control.address)
      return step(progress, 'start the node', start, { host: host.name })
    }),
  )
  await step(progress, 'check the cluster', async () => {
    await run(control, 'check', 'the check of the cluster', ...hosts.map(({ name }) => name))
    const { stdout } = await runChecked(control, ['cat', `${settings}/probes`], {
      what: 'addresses of the probes',
    })
    await Promise.all(hosts.map((host) => run(host, 'reach', 'reaching pods', ...stdout.trim().split('\n'))))
    await Promise.all(hosts.map((host) => run(host, 'check-end', 'the end of the check')))
  })
  const { stdout } = await runChecked(control, ['cat', `${settings}/client.conf`], { what: 'the kubeconfig' })
  await mkdir(join(stateFolder, 'kubernetes'), { recursive: true })
  await writeFile(kubeconfigOf(stateFolder), stdout, { mode: 0o600 })
}

/** What a node needs to know of the cluster, and nothing that signs. */
async function handCredentials(control: Host, host: Host): Promise<void> {
  const packed = await runChecked(
    control,
    ['sh', '-c', 'tar -c -C "$1" . | base64', 'sh', `${settings}/nodes/${host.name}`],
    {
      what: `credentials of ${host.name}`,
    },
  )
  if (packed.stdout === '') {
    throw new TestbedError('testbed', 'the control plane has no credentials for it', {
      where: host.name,
      hint: 'testbed rebuild makes the cluster anew',
    })
  }
  await runChecked(
    host,
    [
      'sh',
      '-c',
      'umask 077; mkdir -p "$1" && base64 -d | tar -x -C "$1" --no-same-owner',
      'sh',
      `${settings}/node`,
    ],
    {
      what: 'taking credentials',
      input: packed.stdout,
    },
  )
}
