import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type { ResolvedHost, ResolvedTestbed } from '../config/resolved.ts'
import { type Progress, step } from '../core/progress.ts'
import type { Host } from '../hosts/host.ts'
import { type Component, selectComponents } from './components.ts'
import { sendKubernetes } from './kubernetes/cluster.ts'
import { ensureKubernetes } from './kubernetes/program.ts'
import { runScript, type ScriptRun, sendScripts, tryScript } from './scripts.ts'

export interface ProvisionOptions {
  readonly projectFolder: string
  readonly cacheFolder: string
  /** Local folder of this host's logs. */
  readonly logFolder: string
  readonly progress: Progress
  readonly signal: AbortSignal
}

const installTimeoutMs = 20 * 60_000
const verifyTimeoutMs = 90_000

/** Installs every component on a host that is being made into an image: nothing is started, nothing asked. */
export async function installComponents(
  host: Host,
  testbed: ResolvedTestbed,
  options: ProvisionOptions,
): Promise<void> {
  await sendScripts(host, options.projectFolder)
  for (const component of await selectComponents(options.projectFolder, testbed.components)) {
    await sendWhatScriptsLack(host, component, testbed, options)
    await step(options.progress, `install ${component.name}`, () =>
      runScript(
        scriptRun(host, component, 'install', options, {
          ...sourceSettings(testbed),
          TESTBED_START_SERVICES: 'no',
        }),
      ),
    )
  }
}

/**
 * Makes a running host ready: each component that does not verify is installed, configured and verified again.
 * @throws TestbedError naming host, component, its reason and its log.
 */
export async function provisionHost(
  host: Host,
  testbed: ResolvedTestbed,
  options: ProvisionOptions,
): Promise<void> {
  const self = testbed.hosts.find((one) => one.name === host.name)
  const env = { ...sourceSettings(testbed), ...(self === undefined ? {} : hostSettings(testbed, self)) }
  await sendScripts(host, options.projectFolder)
  for (const component of await selectComponents(options.projectFolder, testbed.components)) {
    const run = (script: 'install' | 'configure' | 'verify') =>
      scriptRun(host, component, script, options, env)
    await sendWhatScriptsLack(host, component, testbed, options)
    const verified = (await tryScript({ ...run('verify'), what: 'verify' })).exitCode === 0
    if (!verified) {
      await step(options.progress, `install ${component.name}`, () => runScript(run('install')), {
        host: host.name,
      })
    }
    if (await hasScript(options.projectFolder, component, 'configure')) {
      await step(options.progress, `configure ${component.name}`, () => runScript(run('configure')), {
        host: host.name,
      })
    }
    if (!verified) await runScript(run('verify'))
  }
}

/** Kubernetes is a program that no package brings. */
async function sendWhatScriptsLack(
  host: Host,
  component: Component,
  testbed: ResolvedTestbed,
  options: ProvisionOptions,
): Promise<void> {
  if (component.name !== 'kubernetes') return
  await sendKubernetes(host, await ensureKubernetes(options, testbed, options.signal))
}

function sourceSettings({ sources }: ResolvedTestbed): Record<string, string> {
  return { TESTBED_DOCKER_SOURCE: sources.docker, TESTBED_CRIU_SOURCE: sources.criu }
}

function hostSettings(testbed: ResolvedTestbed, host: ResolvedHost): Record<string, string> {
  return {
    TESTBED_SERVICE_SUBNET: testbed.networks.service.subnet,
    TESTBED_SERVICE_ADDRESS: host.serviceAddress,
  }
}

function scriptRun(
  host: Host,
  component: Component,
  script: 'install' | 'configure' | 'verify',
  options: ProvisionOptions,
  env: Readonly<Record<string, string>>,
): ScriptRun {
  return {
    host,
    script: `${component.folder}/${script}.sh`,
    what: `${script} ${component.name}`,
    log: join(options.logFolder, `${component.folder}.log`),
    env,
    timeoutMs: script === 'install' ? installTimeoutMs : verifyTimeoutMs,
    signal: options.signal,
    onLine: (text) => options.progress({ kind: 'note', text, host: host.name }),
  }
}

async function hasScript(projectFolder: string, component: Component, script: string): Promise<boolean> {
  return await access(join(projectFolder, 'provision', component.folder, `${script}.sh`)).then(
    () => true,
    () => false,
  )
}
