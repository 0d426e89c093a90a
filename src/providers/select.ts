import { type ProviderName, providerNames } from '../config/resolved.ts'
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

export interface Selection {
  readonly provider: Provider
  readonly requirements: readonly Requirement[]
  /** Why this one, in words. */
  readonly reason: string
}

/** The provider that was asked for, or for `auto` the first one that can work here; else the one that lacks least. */
export async function selectProvider(
  wanted: ProviderName | 'auto',
  context: ProviderContext,
): Promise<Selection> {
  // Existing machines are only used by who names them.
  const names = wanted === 'auto' ? providerNames.filter((name) => name !== 'ssh') : [wanted]
  const candidates = await Promise.all(
    names.map(async (name) => {
      const provider = makers[name](context)
      return { provider, requirements: await provider.check() }
    }),
  )
  const lacking = (requirements: readonly Requirement[]) =>
    requirements.filter((one) => !one.satisfied).length
  const [best] = candidates.toSorted((a, b) => lacking(a.requirements) - lacking(b.requirements))
  if (best === undefined) throw new TestbedError('internal', 'no provider is known')
  const reason = wanted === 'auto' ? 'the first that can work on this machine' : 'as the testbed asks'
  return { ...best, reason }
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
