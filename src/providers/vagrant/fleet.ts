import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import type { ResolvedTestbed } from '../../config/resolved.ts'
import { digestOf, digestOfFolders } from '../../core/digest.ts'
import { TestbedError } from '../../core/errors.ts'
import type { ProviderContext } from '../provider.ts'
import { chooseAccelerator } from '../qemu/accelerator.ts'
import type { Hypervisor } from './hypervisor.ts'
import { checkHypervisors } from './hypervisors.ts'
import { identitiesOf } from './identity.ts'
import { type HypervisorName, type Machines, machinesOf } from './machines.ts'
import type { VagrantNames } from './names.ts'

/** Everything that the machines of one testbed are made of. */
export interface Fleet {
  readonly context: ProviderContext
  readonly names: VagrantNames
  readonly testbed: ResolvedTestbed
  readonly hypervisor: Hypervisor
  readonly box: string
  /** Of machines that are provisioned as the testbed says now. */
  readonly snapshot: string
}

/** What stands in the testbed's own folder, for the Vagrantfile and for a later program. */
interface WrittenMachines extends Machines {
  readonly hypervisor: HypervisorName
}

/** Chooses the hypervisor and writes down what the Vagrantfile is to make, before anything is made. */
export async function prepareFleet(
  context: ProviderContext,
  names: VagrantNames,
  testbed: ResolvedTestbed,
): Promise<Fleet> {
  const hypervisor = await chooseHypervisor(names, testbed)
  // VirtualBox runs nothing without hardware virtualisation.
  const { accelerator } =
    hypervisor.name === 'libvirt'
      ? await chooseAccelerator(context, testbed)
      : { accelerator: 'kvm' as const }
  const identities = await identitiesOf(context, testbed)
  const machines = machinesOf(testbed, names, { accelerator, identities })
  const written: WrittenMachines = { hypervisor: hypervisor.name, ...machines }
  await writeMachines(names, written)
  context.progress({ kind: 'note', text: `${hypervisor.name}, ${machines[hypervisor.name].box}` })
  const { components, sources } = testbed
  const scripts = await digestOfFolders([join(context.projectFolder, 'provision')])
  const snapshot = `provisioned-${digestOf(JSON.stringify([machines, components, sources, scripts]))}`
  return { context, names, testbed, hypervisor, box: machines[hypervisor.name].box, snapshot }
}

/** The one that has the testbed's machines already, else the one that the testbed asks for or that works here. */
export async function chooseHypervisor(names: VagrantNames, testbed: ResolvedTestbed): Promise<Hypervisor> {
  const { hypervisor: asked } = testbed.vagrant
  const wanted = asked === 'auto' ? (await readMachines(names))?.hypervisor : asked
  const checks = await checkHypervisors()
  const candidates = checks.filter(({ hypervisor }) => wanted === undefined || hypervisor.name === wanted)
  const usable = candidates.find(({ requirement }) => requirement.satisfied)
  if (usable !== undefined) return usable.hypervisor
  throw new TestbedError(
    'prerequisite',
    `there is no hypervisor for Vagrant: ${wanted ?? 'none'} can be used`,
    {
      where: testbed.file,
      why: candidates.map(({ requirement }) => `${requirement.name.padEnd(30)} ${requirement.hint}`),
      hint: 'testbed doctor --provider vagrant tells the same',
    },
  )
}

/** What an earlier program has written; undefined when nothing, or when it cannot be read any more. */
export async function readMachines(names: VagrantNames): Promise<WrittenMachines | undefined> {
  const text = await readFile(names.machinesFile, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  try {
    return JSON.parse(text) as WrittenMachines
  } catch {
    return undefined // Not ours: ours are written in one step.
  }
}

async function writeMachines(names: VagrantNames, machines: WrittenMachines): Promise<void> {
  await mkdir(names.folder, { recursive: true })
  // It holds the hosts' private keys.
  await writeFileAtomic(names.machinesFile, `${JSON.stringify(machines, undefined, 2)}\n`, { mode: 0o600 })
}
