import { join } from 'node:path'
import { packageRoot } from '../config/paths.ts'
import type { HostName, ResolvedTestbed } from '../config/resolved.ts'
import { type Progress, step } from '../core/progress.ts'
import { systemClock } from '../core/time.ts'
import type { HostAddress } from '../hosts/address.ts'
import { stepClock } from '../hosts/clock-step.ts'
import type { Facts } from '../hosts/facts.ts'
import { type Identity, readIdentity, requireSameIdentity } from '../hosts/identity.ts'
import { connectHost, type SshHost } from '../hosts/ssh-host.ts'
import type { Provider } from '../providers/provider.ts'
import { readFacts } from '../provision/facts.ts'
import { bringUpCluster } from '../provision/kubernetes/cluster.ts'
import { markProvisioned, provisionDigest } from '../provision/mark.ts'
import { installComponents, type ProvisionOptions, provisionHost } from '../provision/provision.ts'
import { remoteFolder } from '../provision/scripts.ts'
import type { RunningTestbed } from './running.ts'
import { cacheFolder, stateFolderOf, type TestbedState, writeState } from './state.ts'
import { requireNoVolumes } from './volumes.ts'

const identityScript = `${remoteFolder}/identity.sh`

/** The host is there, but an emulated one that was put back a moment ago, on a busy machine, has to warm up first. */
const handshakeMs = 60_000

interface Options {
  readonly progress: Progress
  readonly signal: AbortSignal
  /** The hosts were put back: what was known of them before holds. */
  readonly reset: boolean
}

/** Provisions an image once for all hosts, where the provider can keep one. */
export async function bakeOnce(
  provider: Provider,
  testbed: ResolvedTestbed,
  options: Omit<Options, 'reset'>,
): Promise<void> {
  const { baking } = provider
  if (baking === undefined || (await baking.isBaked(testbed))) return
  await baking.bake(
    testbed,
    async (address) => {
      const builder = await connectHost(address, options.signal)
      try {
        await installComponents(builder, testbed, provisionOptions(testbed, address.name, options))
      } finally {
        builder.close()
      }
    },
    options.signal,
  )
}

/** What of a host is known from when it came up. */
interface Known {
  readonly facts: Record<HostName, Facts>
  readonly identities: Record<HostName, Identity>
}

/** Connects to hosts, provisions each, reads their facts and hands out the running testbed. */
export async function makeReady(
  provider: Provider,
  state: TestbedState,
  addresses: readonly HostAddress[],
  unlock: () => Promise<void>,
  options: Options,
): Promise<RunningTestbed> {
  const { testbed } = state
  const known: Known = {
    facts: { ...state.facts },
    identities: { ...(options.reset ? state.identities : {}) },
  }
  const hosts = new Map<HostName, SshHost>()
  const digest = await provisionDigest(packageRoot, testbed)
  const joinAll = async (joining: readonly HostAddress[], reset: boolean) => {
    const unsaved = await Promise.all(
      joining.map(async (address) => {
        const host = await connectHost(address, options.signal, handshakeMs)
        hosts.get(address.name)?.close()
        hosts.set(address.name, host)
        const saved = await joinHost(provider, testbed, host, known, digest, { ...options, reset })
        hosts.set(address.name, host.withFacts(known.facts[address.name] ?? host.facts))
        return saved ? [] : [address.name]
      }),
    )
    if (unsaved.flat().length > 0) await provider.snapshots?.save(testbed, unsaved.flat(), options.signal)
    if (testbed.components.includes('kubernetes')) {
      const all = testbed.hosts.flatMap(({ name }) => hosts.get(name) ?? [])
      await bringUpCluster(all, testbed, { ...options, stateFolder: stateFolderOf(testbed.name) })
    }
  }
  const closeAll = () => {
    for (const host of hosts.values()) host.close()
  }
  try {
    await joinAll(addresses, options.reset)
  } catch (error) {
    closeAll()
    throw error
  }
  await writeState({ ...state, ...known, addresses })
  return {
    testbed,
    provider: provider.name,
    get hosts() {
      return testbed.hosts.flatMap(({ name }) => hosts.get(name) ?? [])
    },
    reset: async (names, signal) => {
      await requireNoVolumes(testbed.name)
      for (const name of names) hosts.get(name)?.close()
      await joinAll(await provider.reset(testbed, names, signal), true)
    },
    ...(provider.name === 'ssh' && testbed.allowKill !== true ? {} : { powerOff: provider.kill }),
    close: async () => {
      closeAll()
      await unlock()
    },
  }
}

/**
 * Makes a connected host ready and adds to what is known of it. Answers whether there is nothing to save: it was put back
 * to what was saved, or carries the mark of an earlier provisioning, even of other scripts, and has been in use since.
 * @throws TestbedError when it is another host than before, or cannot be provisioned
 */
async function joinHost(
  provider: Provider,
  testbed: ResolvedTestbed,
  host: SshHost,
  known: Known,
  digest: string,
  options: Options,
): Promise<boolean> {
  const { progress, signal } = options
  const { name } = host
  // A host that was put back has the scripts of when it was saved; one that was made anew has none.
  const [found] = await Promise.all([
    readIdentity(host, identityScript, signal).catch(() => undefined),
    // The clock of a saved host is the one of back then; others may share this machine's, which is none of ours to set.
    provider.snapshots === undefined ? undefined : stepClock(host, systemClock, signal),
  ])
  const marked = found?.mark === digest
  const ready = options.reset && marked
  if (!ready) await provisionHost(host, testbed, provisionOptions(testbed, name, options))
  const asked = ready ? found : await readIdentity(host, identityScript, signal)
  const { mark: _, ...identity } = asked
  // Booted since, or never seen: it may run another kernel. One that was put back is the same as before.
  if (!marked && !options.reset) delete known.facts[name]
  const before = known.identities[name]
  if (before !== undefined) requireSameIdentity(name, before, identity)
  known.identities[name] = identity
  known.facts[name] ??= await step(progress, 'read facts', () => readFacts(host, signal), { host: name })
  if (!marked) await markProvisioned(host, digest)
  return marked || (!options.reset && (found?.mark ?? '') !== '')
}

function provisionOptions(
  testbed: ResolvedTestbed,
  host: HostName,
  options: Omit<Options, 'reset'>,
): ProvisionOptions {
  return {
    ...options,
    projectFolder: packageRoot,
    cacheFolder: cacheFolder(),
    logFolder: join(stateFolderOf(testbed.name), 'logs', host),
  }
}
