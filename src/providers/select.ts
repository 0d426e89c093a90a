import type { ProviderName } from '../config/resolved.ts'
import { TestbedError } from '../core/errors.ts'
import { createNamespacesProvider } from './namespaces/provider.ts'
import type { Provider, ProviderContext, Requirement } from './provider.ts'
import { createQemuProvider } from './qemu/provider.ts'
import { createSshProvider } from './ssh/provider.ts'
import { createVagrantProvider } from './vagrant/provider.ts'

const makers: Readonly<Record<ProviderName, (context: ProviderContext) => Provider>> = {
  namespaces: createNamespacesProvider,
  qemu: createQemuProvider,
  ssh: createSshProvider,
  vagrant: createVagrantProvider,
}

/** A provider by its name, whether it can work here or not. */
export function makeProvider(name: ProviderName, context: ProviderContext): Provider {
  return makers[name](context)
}

export interface Selection {
  readonly provider: Provider
  readonly requirements: readonly Requirement[]
  /** Why this one, in words. */
  readonly reason: string
}

/**
 * What `auto` tries, in this order, and whether hosts that run under emulation will do: real machines before namespaces,
 * and these before machines that are ten times slower. Existing machines are only used by who names them.
 */
export const automatic: readonly { readonly name: ProviderName; readonly emulated: boolean }[] = [
  { name: 'vagrant', emulated: false },
  { name: 'qemu', emulated: false },
  { name: 'namespaces', emulated: false },
  { name: 'qemu', emulated: true },
]

/** The provider that was asked for, or for `auto` the first one that can work here; else the one that lacks least. */
export async function selectProvider(
  wanted: ProviderName | 'auto',
  context: ProviderContext,
  make: typeof makeProvider = makeProvider,
): Promise<Selection> {
  if (wanted !== 'auto') {
    const provider = make(wanted, context)
    return { provider, requirements: await provider.check(), reason: 'as the testbed asks' }
  }
  const passedOver: (Selection & { readonly lacking: readonly string[] })[] = []
  for (const { name, emulated } of automatic) {
    const provider = make(name, context)
    const requirements = await provider.check()
    const lacking = requirements.filter((one) => !one.satisfied).map((one) => one.name)
    const slow = lacking.length === 0 && !emulated && (await provider.emulates?.()) === true
    const reason = ['the first that can work on this machine', ...passedOver.map((one) => one.reason)]
    if (lacking.length === 0 && !slow) return { provider, requirements, reason: reason.join('; ') }
    const why = slow ? `${name} would emulate a processor` : `${name} lacks ${lacking.join(', ')}`
    passedOver.push({ provider, requirements, lacking, reason: why })
  }
  // Nothing can work as it is: what is told to be missing is the shortest list, of real machines and namespaces.
  const [best] = passedOver.toSorted((a, b) => a.lacking.length - b.lacking.length)
  if (best === undefined) throw new TestbedError('internal', 'no provider is known')
  return { ...best, reason: 'of those that cannot work on this machine yet, the one that lacks least' }
}

/** @throws TestbedError `prerequisite` that lists everything the machine lacks, each with how to get it */
export function requireAll({ provider, requirements }: Selection): void {
  const missing = requirements.filter((one) => !one.satisfied)
  if (missing.length === 0) return
  throw new TestbedError('prerequisite', `this machine lacks what provider ${provider.name} needs`, {
    why: missing.map((one) => `${one.name.padEnd(20)} ${one.hint}`),
    hint: missing.some((one) => one.packages !== undefined)
      ? 'add --install to have the packages installed (npm run testbed:up -- --install)'
      : 'testbed doctor lists what is there and what is not',
  })
}
