import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { vagrantNames } from '../../../../src/providers/vagrant/names.ts'
import { findVirtualBox } from '../../../../src/providers/vagrant/virtualbox.ts'

const names = vagrantNames('/a/.testbed/default')
const oldPath = process.env.PATH
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'virtualbox-'))
  process.env.PATH = `${folder}:${oldPath}`
})

afterEach(async () => {
  process.env.PATH = oldPath
  await rm(folder, { recursive: true, force: true })
})

/** A VBoxManage that answers what VirtualBox 7 does, by its arguments, and notes them. */
async function answer(answers: Readonly<Record<string, string>>): Promise<void> {
  const cases = Object.entries(answers).map(([args, text]) => `'${args}') cat <<'END'\n${text}\nEND\n;;`)
  const script = `#!/bin/sh\necho "$*" >>"$(dirname "$0")/asked"\ncase "$*" in\n${cases.join('\n')}\n*) exit 1 ;;\nesac\n`
  await writeFile(path.join(folder, 'VBoxManage'), script)
  await chmod(path.join(folder, 'VBoxManage'), 0o755)
}

const a = names.machine('host-a')
const machines = {
  'list vms': `"ubuntu-24.04-amd64_1763790000000_12345" {00000000-0000-4000-8000-000000000000}
"${a}" {11111111-1111-4111-8111-111111111111}
"${names.machine('host-b')}" {22222222-2222-4222-8222-222222222222}`,
  'list runningvms': `"${a}" {11111111-1111-4111-8111-111111111111}`,
}

test('its machines of the testbed are found by their names', async () => {
  await answer(machines)
  const { hypervisor } = await findVirtualBox()
  expect(await hypervisor.machines(names)).toEqual([
    { name: a, id: '11111111-1111-4111-8111-111111111111', running: true },
    { name: names.machine('host-b'), id: '22222222-2222-4222-8222-222222222222', running: false },
  ])
})

test('it is there when it answers and its kernel module is loaded', async () => {
  await answer({ '--version': '7.1.4r165100' })
  expect((await findVirtualBox()).requirement.satisfied).toBe(true)
  await answer({
    '--version': `WARNING: The vboxdrv kernel module is not loaded. Either there is no module
         available for the current kernel (6.8.0-51-generic) or it failed to
         load. Please recompile the kernel module and install it by

           sudo /sbin/vboxconfig

         You will not be able to start VMs until this problem is fixed.
7.1.4r165100`,
  })
  expect((await findVirtualBox()).requirement).toMatchObject({
    satisfied: false,
    hint: expect.stringContaining('vboxconfig'),
  })
})

test('a snapshot is found by its name', async () => {
  const list = `SnapshotName="provisioned-1234"
SnapshotUUID="33333333-3333-4333-8333-333333333333"
SnapshotName-1="other"
SnapshotUUID-1="44444444-4444-4444-8444-444444444444"
CurrentSnapshotName="other"`
  await answer({ [`snapshot ${a} list --machinereadable`]: list })
  const { hypervisor } = await findVirtualBox()
  expect(await hypervisor.hasSnapshot(a, 'provisioned-1234')).toBe(true)
  expect(await hypervisor.hasSnapshot(a, 'other')).toBe(true)
  expect(await hypervisor.hasSnapshot(a, 'provisioned')).toBe(false)
  expect(await hypervisor.hasSnapshot('no-such', 'other')).toBe(false)
})

test('a machine is removed with its disks, and nothing is done where there is none', async () => {
  await answer({ ...machines, [`controlvm ${a} poweroff`]: '', [`unregistervm ${a} --delete`]: '' })
  const { hypervisor } = await findVirtualBox()
  await hypervisor.remove(a)
  await hypervisor.remove(names.machine('host-c'))
  const asked = (await readFile(path.join(folder, 'asked'), 'utf8')).split('\n')
  expect(asked.filter((line) => /^(unregistervm|controlvm)/.test(line))).toEqual([
    `controlvm ${a} poweroff`,
    `unregistervm ${a} --delete`,
  ])
})
