import { isDeepStrictEqual } from 'node:util'
import type { ProviderName, ResolvedTestbed } from '../config/resolved.ts'
import { TestbedError } from '../core/errors.ts'
import type { Progress } from '../core/progress.ts'
import type { Provider } from '../providers/provider.ts'
import { installMissing } from '../providers/requirements.ts'
import { requireAll, selectProvider } from '../providers/select.ts'
import { contextFor } from './context.ts'
import { requireMeasurable } from './measurable.ts'
import { bakeOnce, makeReady } from './ready.ts'
import type { RunningTestbed } from './running.ts'
import { lockTestbed, readState, type TestbedState, writeState } from './state.ts'
import { forgetVolumes, requireHostsOfVolumes, settleVolumes } from './volumes.ts'

/** A testbed file that was read, and the way to point into it. */
export interface LoadedTestbed {
  readonly value: ResolvedTestbed
  readonly fault: (pointer: readonly (string | number)[], message: string, hint?: string) => TestbedError
}

export interface UpOptions {
  /** Wins over the file's `provider`. */
  readonly provider?: ProviderName | 'auto'
  /** Install what the machine lacks with apt. */
  readonly install?: boolean
  /** A workload on it is to be measured from this machine. */
  readonly measure?: boolean
  readonly progress: Progress
  readonly signal: AbortSignal
}

/**
 * Brings a testbed up: everything that is missing is made, what runs stays. Answers with connections to provisioned hosts;
 * the testbed stays locked until `close`.
 * @throws TestbedError `prerequisite` or `configuration` before anything is made; `busy`; `testbed` when a step fails
 */
export async function bringUp(loaded: LoadedTestbed, options: UpOptions): Promise<RunningTestbed> {
  const names = loaded.value.hosts.map(({ name }) => name)
  await requireHostsOfVolumes(loaded.value.name, names)
  return await prepare(loaded, options, async (provider, state, unlock) => {
    const addresses = await provider.create(loaded.value, options.signal)
    const running = await makeReady(provider, state, addresses, unlock, { ...options, reset: false })
    await settleVolumes(loaded.value.name, running.hosts, options).catch(async (error: unknown) => {
      await running.close()
      throw error
    })
    return running
  })
}

/** As `bringUp`, but every host is made anew: provisioned and clean, without datasets, with nothing built or installed again. */
export async function rebuild(loaded: LoadedTestbed, options: UpOptions): Promise<RunningTestbed> {
  return await prepare(loaded, options, async (provider, state, unlock) => {
    await forgetVolumes(loaded.value.name)
    const hosts = loaded.value.hosts.map((host) => host.name)
    const addresses = await provider.reset(loaded.value, hosts, options.signal)
    return await makeReady(provider, state, addresses, unlock, { ...options, reset: true })
  })
}

async function prepare(
  loaded: LoadedTestbed,
  options: UpOptions,
  make: (provider: Provider, state: TestbedState, unlock: () => Promise<void>) => Promise<RunningTestbed>,
): Promise<RunningTestbed> {
  const testbed = loaded.value
  const provider = await chooseProvider(testbed, options)
  if (options.measure === true) requireMeasurable(provider, testbed)
  if (provider.name === 'ssh' && testbed.components.includes('kubernetes')) {
    throw loaded.fault(
      ['components'],
      'no cluster is made of existing machines: nothing would take it off them again',
      'take another provider',
    )
  }
  for (const conflict of await provider.conflicts(testbed)) {
    throw loaded.fault(conflict.pointer, conflict.message, conflict.hint)
  }
  const unlock = await lockTestbed(testbed.name)
  try {
    const state = await begin(testbed, provider)
    await bakeOnce(provider, testbed, options)
    return await make(provider, state, unlock)
  } catch (error) {
    await unlock()
    throw error
  }
}

async function chooseProvider(testbed: ResolvedTestbed, options: UpOptions): Promise<Provider> {
  const context = contextFor(testbed.name, options.progress)
  const standing = await readState(testbed.name)
  const wanted = options.provider ?? standing?.provider ?? testbed.provider
  let selection = await selectProvider(wanted, context)
  if (options.install === true) {
    const installed = await installMissing(selection.requirements, options.progress, options.signal)
    if (installed) selection = await selectProvider(wanted, context)
  }
  requireAll(selection)
  options.progress({ kind: 'note', text: `provider ${selection.provider.name}: ${selection.reason}` })
  return selection.provider
}

/** Writes down what is about to be made. @throws TestbedError when something else is up under this name */
async function begin(testbed: ResolvedTestbed, provider: Provider): Promise<TestbedState> {
  const standing = await readState(testbed.name)
  if (standing !== undefined) {
    const same =
      standing.provider === provider.name && isDeepStrictEqual(standing.testbed.networks, testbed.networks)
    if (!same) {
      throw new TestbedError(
        'configuration',
        `testbed ${testbed.name} is up with another provider or other networks`,
        {
          where: testbed.file,
          hint: 'take it down first: testbed down',
        },
      )
    }
  }
  const provisioned = ({ components, sources, image }: ResolvedTestbed) => ({ components, sources, image })
  const changed =
    standing !== undefined && !isDeepStrictEqual(provisioned(standing.testbed), provisioned(testbed))
  const state: TestbedState = {
    version: 1,
    createdAt: standing?.createdAt ?? new Date().toISOString(),
    provider: provider.name,
    testbed,
    ...(standing?.facts === undefined || changed ? {} : { facts: standing.facts }),
    ...(standing?.identities === undefined ? {} : { identities: standing.identities }),
    ...(standing?.addresses === undefined ? {} : { addresses: standing.addresses }),
  }
  await writeState(state)
  return state
}
