import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { packageRoot } from '../../src/config/paths.ts'

/** The Vagrantfile is Ruby that only Vagrant and its plug-in can judge. It needs no hypervisor for that. */
const found = spawnSync('vagrant', ['--version'], { encoding: 'utf8' }).status === 0
const inCi = process.env.CI === 'true'
if (!found && !inCi) process.stderr.write('skipped: Vagrantfile: this machine lacks vagrant\n')

describe.skipIf(!found && !inCi)('the Vagrantfile (needs vagrant and vagrant-libvirt)', () => {
  let folder: string

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'vagrantfile-'))
  })

  afterAll(() => rm(folder, { recursive: true, force: true }))

  const validate = (machines?: string) => {
    const { status, stdout, stderr } = spawnSync('vagrant', ['validate'], {
      cwd: packageRoot,
      encoding: 'utf8',
      env: {
        ...process.env,
        VAGRANT_HOME: path.join(folder, 'home'),
        VAGRANT_DOTFILE_PATH: path.join(folder, 'state'),
        VAGRANT_DEFAULT_PROVIDER: 'libvirt',
        VAGRANT_CHECKPOINT_DISABLE: '1',
        ...(machines === undefined ? {} : { TESTBED_VAGRANT: machines }),
      },
    })
    return { status, said: `${stdout}${stderr}` }
  }

  test('is valid as it stands, with the values of testbed/default.yaml', () => {
    expect(validate()).toEqual({ status: 0, said: expect.stringContaining('validated successfully') })
  })

  test('shows a value that the hypervisor’s plug-in does not take', async () => {
    const file = path.join(folder, 'machines.json')
    const plain = await readFile(path.join(packageRoot, 'testbed', 'vagrant.json'), 'utf8')
    await writeFile(file, plain.replace(/"mac": "[^"]*"/, '"mac": "no address"'))
    const { status, said } = validate(file)
    expect(said).toContain("Configured NIC MAC 'no address'")
    expect(status).not.toBe(0)
  })
})
