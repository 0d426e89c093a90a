import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TrialRecord } from '../../src/results/record.ts'
import { describeOnHosts } from '../support/requirements.ts'
import { expectExit, makeTestbedFolder, type TestbedFolder } from '../support/testbed-folder.ts'
import { libvirtHas, vagrantSettings } from './libvirt.ts'

/** Under emulation everything takes ten to thirty times longer: few probes, long deadlines. */
const experiment = `name: counter
axes: { toolchain: docker-checkpoint, workload: counter }
repetitions: 1
windows: { warmUp: 2s, baseline: 5s, settle: 5s }
probe: { rate: 20/s, timeout: 5s }
deadline: 10m
`

/** The box's own image is what the next machine stands on; it goes with libvirt itself, see libvirt.ts. */
const notOfBox = (line: string) => !line.includes('_vagrant_box_image_')

describeOnHosts('a counter moves between two machines of the Vagrantfile', () => {
  let testbed: TestbedFolder
  let before: string[]

  beforeAll(async () => {
    before = libvirtHas()
    testbed = await makeTestbedFolder(45, 2, { provider: 'vagrant', settings: vagrantSettings })
    await writeFile(path.join(testbed.path, 'counter.yaml'), experiment)
  })

  afterAll(() => testbed.remove())

  test('up provisions both', async () => {
    const { stdout } = expectExit(await testbed.run('up', '--json'), 0)
    expect(JSON.parse(stdout)).toMatchObject({
      provider: 'vagrant',
      state: 'up',
      hosts: [{ name: 'host-a' }, { name: 'host-b' }],
    })
    expect(libvirtHas().filter((line) => line.startsWith('domain '))).toHaveLength(2)
  })

  test('docker-checkpoint keeps its memory', async () => {
    const { exitCode, stderr } = await testbed.run('run', 'counter.yaml')
    const journal = path.join(testbed.path, 'results', 'counter', 'latest', 'trials.jsonl')
    const [line = ''] = (await readFile(journal, 'utf8')).split('\n')
    const { verdict, cause } = JSON.parse(line) as TrialRecord
    // An emulated client's machine may be too busy to measure well: that its state has moved is what counts here.
    expect(['ok', 'invalid'], `${verdict}: ${JSON.stringify(cause)}\n${stderr.slice(-2000)}`).toContain(
      verdict,
    )
    expect(JSON.parse(line)).toMatchObject({ state: { memory: 'kept' } })
    expect([0, 5]).toContain(exitCode)
  })

  test('down leaves no domain, network or image', async () => {
    expectExit(await testbed.run('down'), 0)
    expect(libvirtHas().filter(notOfBox)).toEqual(before.filter(notOfBox))
  })
})
