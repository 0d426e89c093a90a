import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TrialRecord } from '../../src/results/record.ts'
import { describeOnHosts } from '../support/requirements.ts'
import { makeTestbedFolder, type TestbedFolder } from '../support/testbed-folder.ts'
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
    testbed = await makeTestbedFolder(75, 2, { provider: 'vagrant', settings: vagrantSettings })
    await writeFile(path.join(testbed.path, 'counter.yaml'), experiment)
  })

  afterAll(() => testbed.remove())

  test('docker-checkpoint keeps its memory', async () => {
    const run = testbed.start({}, 'run', 'counter.yaml')
    expect(await run.says(/trial 1\/1/), run.said().slice(-4000)).toBe(true)
    const isDomain = (line: string) => line.startsWith('domain ')
    expect(libvirtHas().filter(isDomain)).toHaveLength(before.filter(isDomain).length + 2)
    const { exitCode, stderr } = await run.ended
    const journal = path.join(testbed.path, 'results', 'counter', 'latest', 'trials.jsonl')
    const [line = ''] = (await readFile(journal, 'utf8')).split('\n')
    const { verdict, cause, state } = JSON.parse(line) as TrialRecord
    const why = `${verdict}: ${JSON.stringify(cause)}\n${stderr.slice(-4000)}`
    expect(state.memory, why).toBe('kept')
    // While it emulates two machines, this one may be too busy to measure well: here it counts that the state has moved.
    expect([0, 5], why).toContain(exitCode)
    expect(['ok', 'invalid'], why).toContain(verdict)
  })

  test('nothing is left: no domain, no network, no image', () => {
    expect(libvirtHas().filter(notOfBox)).toEqual(before.filter(notOfBox))
  })
})
