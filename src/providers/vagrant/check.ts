import type { Requirement } from '../provider.ts'
import { requireProgram } from '../requirements.ts'
import { checkHypervisors } from './hypervisors.ts'

/** Vagrant, and one hypervisor that it can drive. */
export async function checkMachine(): Promise<Requirement[]> {
  const program = await requireProgram('vagrant', 'vagrant')
  const vagrant = {
    ...program,
    hint: `${program.hint} (Debian); elsewhere developer.hashicorp.com/vagrant/install`,
  }
  const requirements = (await checkHypervisors()).map(({ requirement }) => requirement)
  const satisfied = requirements.find((one) => one.satisfied)
  if (satisfied !== undefined) return [vagrant, satisfied]
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
