import type { ProviderContext, Requirement } from '../provider.ts'
import { tryKvm } from '../qemu/accelerator.ts'
import { requireQemu } from '../qemu/version.ts'
import { requireProgram } from '../requirements.ts'
import { checkHypervisors } from './hypervisors.ts'

/** Vagrant, and one hypervisor that it can drive. */
export async function checkMachine(context: ProviderContext): Promise<Requirement[]> {
  const program = await requireProgram('vagrant', 'vagrant')
  const vagrant = {
    ...program,
    hint: `${program.hint} (Debian); elsewhere developer.hashicorp.com/vagrant/install`,
  }
  const hypervisors = await checkHypervisors()
  const requirements = hypervisors.map(({ requirement }) => requirement)
  const usable = hypervisors.find(({ requirement }) => requirement.satisfied)
  if (usable !== undefined) {
    // What libvirt then emulates with has to be one that does not crash guests.
    const qemu = (await emulates(context)) ? [await requireQemu(true)] : []
    return [vagrant, usable.requirement, ...qemu]
  }
  const packages = requirements.find((one) => one.packages !== undefined)?.packages
  return [
    vagrant,
    {
      name: 'a hypervisor',
      satisfied: false,
      hint: requirements.map(({ name, hint }) => `${name}: ${hint}`).join('; or '),
      ...(packages === undefined ? {} : { packages }),
    },
  ]
}

/** Whether the hypervisor that would be taken has no hardware to run guests on; VirtualBox runs none without. */
export async function emulates(context: ProviderContext): Promise<boolean> {
  const usable = (await checkHypervisors()).find(({ requirement }) => requirement.satisfied)
  return usable?.hypervisor.name === 'libvirt' && !(await tryKvm(context)).works
}
