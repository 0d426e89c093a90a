import { describe, expect, test } from 'vitest'
import type { ProviderName } from '../../../src/config/resolved.ts'
import type { Provider, ProviderContext, Requirement } from '../../../src/providers/provider.ts'
import { selectProvider } from '../../../src/providers/select.ts'

const context = {} as ProviderContext

/** Providers that lack so many things, of which qemu may only emulate. */
async function select(lacks: Partial<Record<ProviderName, number>>, emulates = true) {
  const asked: ProviderName[] = []
  const unused = () => Promise.reject(new Error('only asked what it needs'))
  const selection = await selectProvider('auto', context, (name): Provider => {
    const requirements: Requirement[] = [
      { name: 'Linux', satisfied: true, hint: '-' },
      ...Array.from({ length: lacks[name] ?? 0 }, (_, index) => ({
        name: `${name}-${index + 1}`,
        satisfied: false,
        hint: '-',
      })),
    ]
    asked.push(name)
    return {
      name,
      check: () => Promise.resolve(requirements),
      ...(name === 'qemu' ? { emulates: () => Promise.resolve(emulates) } : {}),
      conflicts: unused,
      create: unused,
      list: unused,
      reset: unused,
      kill: unused,
      destroy: unused,
    }
  })
  return { name: selection.provider.name, reason: selection.reason, asked }
}

describe('selectProvider, auto', () => {
  test('Vagrant where it and a hypervisor are there, without asking the others', async () => {
    expect(await select({})).toMatchObject({ name: 'vagrant', asked: ['vagrant'] })
  })

  test('QEMU with KVM before namespaces, these before QEMU that emulates; and says why', async () => {
    expect((await select({ vagrant: 1 }, false)).name).toBe('qemu')
    expect(await select({ vagrant: 1 })).toMatchObject({
      name: 'namespaces',
      reason:
        'the first that can work on this machine; vagrant lacks vagrant-1; qemu would emulate a processor',
    })
    expect((await select({ vagrant: 1, namespaces: 2 })).name).toBe('qemu')
  })

  test('where nothing can work, the one that lacks least, the earlier of two', async () => {
    expect((await select({ vagrant: 2, qemu: 2, namespaces: 1 })).name).toBe('namespaces')
    expect((await select({ vagrant: 2, qemu: 2, namespaces: 3 })).name).toBe('vagrant')
  })

  test('existing machines are never taken unasked', async () => {
    expect((await select({ vagrant: 9, qemu: 9, namespaces: 9 })).asked).not.toContain('ssh')
  })
})
