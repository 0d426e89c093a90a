import { join } from 'node:path'
import { packageRoot } from '../config/paths.ts'
import type { HostName, ResolvedTestbed } from '../config/resolved.ts'
import { type Progress, step } from '../core/progress.ts'
import type { HostAddress } from '../hosts/address.ts'
import type { Facts } from '../hosts/facts.ts'
import { connectHost, type SshHost } from '../hosts/ssh-host.ts'
import type { Provider } from '../providers/provider.ts'
import { readFacts } from '../provision/facts.ts'
import { installComponents, type ProvisionOptions, provisionHost } from '../provision/provision.ts'
import type { RunningTestbed } from './running.ts'
import { stateFolderOf, type TestbedState, writeState } from './state.ts'

interface Options {
  readonly progress: Progress
  readonly signal: AbortSignal
  /** Of hosts whose image and kernel have not changed since they were read. */
  readonly knownFacts?: Readonly<Record<HostName, Facts>>
}

/** Provisions an image once for all hosts, where the provider can keep one. */
export async function bakeOnce(
  provider: Provider,
  testbed: ResolvedTestbed,
  options: Options,
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

/** Connects to hosts, provisions each, reads their facts and hands out the running testbed. */
export async function makeReady(
  provider: Provider,
  state: TestbedState,
  addresses: readonly HostAddress[],
  unlock: () => Promise<void>,
  options: Options,
): Promise<RunningTestbed> {
  const { testbed } = state
  const facts: Record<HostName, Facts> = { ...options.knownFacts }
  const hosts = new Map<HostName, SshHost>()
  const joinHost = async (address: HostAddress) => {
    const host = await connectHost(address, options.signal)
    hosts.get(address.name)?.close()
    hosts.set(address.name, host)
    await provisionHost(host, testbed, provisionOptions(testbed, address.name, options))
    // A host that was reset is the same image on the same kernel: what it can do was read when it came up.
    facts[address.name] ??= await step(
      options.progress,
      'read facts',
      () => readFacts(host, options.signal),
      { host: address.name },
    )
    hosts.set(address.name, host.withFacts(facts[address.name] ?? host.facts))
  }
  const closeAll = () => {
    for (const host of hosts.values()) host.close()
  }
  try {
    await Promise.all(addresses.map(joinHost))
  } catch (error) {
    closeAll()
    throw error
  }
  await writeState({ ...state, facts, addresses })
  return {
    testbed,
    provider: provider.name,
    get hosts() {
      return testbed.hosts.flatMap(({ name }) => hosts.get(name) ?? [])
    },
    reset: async (names, signal) => {
      for (const name of names) hosts.get(name)?.close()
      const fresh = await provider.reset(testbed, names, signal)
      await Promise.all(fresh.map(joinHost))
    },
    close: async () => {
      closeAll()
      await unlock()
    },
  }
}

function provisionOptions(testbed: ResolvedTestbed, host: HostName, options: Options): ProvisionOptions {
  return {
    ...options,
    projectFolder: packageRoot,
    logFolder: join(stateFolderOf(testbed.name), 'logs', host),
  }
}
